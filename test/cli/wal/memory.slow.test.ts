import { test } from "uvu";
import * as assert from "uvu/assert";
import { append, bulky, inDirectory, openLog, startWal } from "./harness.js";

test("a large log is read with bounded memory", async () => {
  await inDirectory(async (directory) => {
    const log = await openLog(directory, 32 * 1024 * 1024);
    // Small records too: an object each would be more than their bytes.
    for (let batch = 0; batch < 24; batch++) await append(log, bulky("a", 2000));
    for (let batch = 0; batch < 10; batch++) {
      await append(
        log,
        Array.from({ length: 50_000 }, (_, index) => ({ counter: `c${index % 100}`, n: 2 })),
      );
    }
    await log.close();
    const baseline = await measured(directory, ["--help"]);
    for (const args of [["cat"], ["export"], ["verify"], ["counts"]]) {
      const { status, stderr, kib } = await measured(directory, args);
      assert.is(status, 0, stderr);
      const more = Math.round((kib - baseline.kib) / 1024);
      assert.ok(more < 56, `${args[0]} took ${more} MiB more than nothing does`);
    }
  });
});

/** Runs a command with a small heap, counting what it writes; the most memory it had. */
async function measured(directory: string, args: readonly string[]) {
  const report = 'process.on("exit",()=>process.stderr.write("peak "+process.resourceUsage().maxRSS))';
  const options = ["--max-old-space-size=64", "--import", `data:text/javascript,${report}`];
  const child = startWal(directory, args, options);
  child.stdout.resume();
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const status = await new Promise((resolve) => child.on("close", resolve));
  return { status, stderr, kib: Number(/peak (\d+)/.exec(stderr)?.[1] ?? Number.NaN) };
}

test.run();
