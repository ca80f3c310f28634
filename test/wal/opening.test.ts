import { test } from "uvu";
import * as assert from "uvu/assert";
import { append, openLog, segments } from "../support/log-files.js";
import { MemoryFileSystem } from "../support/memory-file-system.js";

/** The files that are read from while `run` runs. */
async function filesRead(fs: MemoryFileSystem, run: () => Promise<unknown>): Promise<string[]> {
  const read = new Set<string>();
  const stop = fs.interfere((operation) => {
    if (operation.kind === "read") read.add(operation.path);
    return undefined;
  });
  await run();
  stop();
  return [...read];
}

test("opening reads the newest segments only, however many there are", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  for (let opening = 0; opening < 5; opening++) {
    const log = await openLog(fs);
    for (let i = 0; i < 40; i++) await append(log, ["x".repeat(6000)]);
    await log.close();
  }
  const before = segments(fs);
  assert.ok(before.length > 15, `${before.length} segments`);
  assert.equal(await filesRead(fs, () => openLog(fs)), before.slice(-1));
  // That one is empty, killed before its first hit: the next opening needs no more of what is before it.
  const killed = fs.kill();
  const newest = segments(killed).slice(-2);
  const read = await filesRead(killed, () => openLog(killed));
  assert.ok(read.length > 0 && read.every((file) => newest.includes(file)), read.join(" "));
});

test.run();
