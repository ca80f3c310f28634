import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { allCounts } from "../support/ledger-client.js";
import { BINARY, ServerProcess, temporaryDirectory } from "../support/server-process.js";

const file = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "data", "pageviews.ndjson");
const PIECE = 250;

test("5,000 real page requests, the process killed half-way: counted as sort | uniq -c counts them", async () => {
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  assert.is(lines.length, 5000);
  const expected = uniqCounts(lines);
  const environment = { WAL_DIR: `${temporaryDirectory()}/wal` };
  let server = await ServerProcess.start(environment);
  for (let at = 0; at < lines.length; at += PIECE) {
    if (at === lines.length / 2) {
      await server.kill();
      server = await ServerProcess.start(environment);
    }
    const body = `${lines.slice(at, at + PIECE).join("\n")}\n`;
    const headers = { "content-type": "application/x-ndjson" };
    const response = await fetch(`${server.url}/hits`, { method: "POST", body, headers });
    assert.is(response.status, 202);
    assert.is(((await response.json()) as { accepted: number }).accepted, PIECE);
  }
  assert.equal(sorted(await allCounts(server.url)), sorted(expected));
  assert.equal(sorted(walCounts(environment)), sorted(expected), "wal counts, on the running server");
  await server.stop();
  assert.equal(sorted(walCounts(environment)), sorted(expected), "wal counts, after the stop");
});

/** By the system's own sort and uniq, where it has them: nothing of ours takes part. */
function uniqCounts(lines: readonly string[]): Map<string, number> {
  const names = lines.map((line) => (JSON.parse(line) as { counter: string }).counter);
  const counts = new Map<string, number>();
  const output = execFileSync("sh", ["-c", "LC_ALL=C sort | LC_ALL=C uniq -c"], { input: `${names.join("\n")}\n` });
  for (const line of output.toString("utf8").trimEnd().split("\n")) {
    const [, count, name] = /^ *(\d+) (.*)$/.exec(line) ?? [];
    counts.set(name ?? line, Number(count));
  }
  return counts;
}

function walCounts(environment: Record<string, string>): Map<string, number> {
  const output = execFileSync(process.execPath, [BINARY, "wal", "counts", "--json"], {
    env: { ...process.env, ...environment },
    maxBuffer: 64 * 1024 * 1024,
  });
  const { counters } = JSON.parse(output.toString("utf8")) as { counters: { counter: string; count: number }[] };
  return new Map(counters.map(({ counter, count }) => [counter, count]));
}

function sorted(counts: ReadonlyMap<string, number>): [string, number][] {
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
}

test.run();
