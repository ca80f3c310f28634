import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { remove } from "fs-extra/esm";
import { describeDamage } from "../src/wal/damage.js";
import { LogDirectory } from "../src/wal/log-directory.js";
import { LogReader } from "../src/wal/log-reader.js";
import { ServerProcess } from "../test/support/server-process.js";
import { counterNames } from "./counter-names.js";
import { post } from "./load.js";
import { printRows, type Row } from "./row.js";

const NAMES = counterNames(1000);
const SECONDS = 2;

const lines = (names: readonly string[]) => ({
  type: "application/x-ndjson",
  text: names.map((counter) => JSON.stringify({ counter })).join("\n"),
});

const CASES = [
  { hits: "one at a time", connections: 1, body: undefined },
  { hits: "one per request, 64 connections", connections: 64, body: undefined },
  { hits: "1,000 per request, each of another counter", connections: 4, body: lines(NAMES) },
  {
    hits: "1,000 per request, every second one of one counter",
    connections: 4,
    body: lines(NAMES.map((name, i) => (i % 2 === 0 ? name : (NAMES[0] ?? "")))),
  },
  { hits: "1,000 per request, all of one counter", connections: 4, body: lines(NAMES.map(() => NAMES[0] ?? "")) },
];

/**
 * Measures what a hit without payload takes on disk, with a counter's name of 20 bytes: batches with their headers and seals,
 * without prepared space and the 4 KiB header of each segment.
 */
export async function benchDisk(): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const { hits, connections, body } of CASES) {
    const directory = mkdtempSync(path.join(tmpdir(), "durable-hits-disk-"));
    try {
      const server = await ServerProcess.start({
        WAL_DIR: directory,
        WAL_SEGMENT_BYTES: "64MiB",
        WAL_RETENTION_BYTES: "forever",
        LOG_LEVEL: "warn",
      });
      const target = body === undefined ? `/hits/${encodeURIComponent(NAMES[0] ?? "")}` : "/hits";
      const load = { url: server.url + target, connections, seconds: SECONDS };
      const { errors } = await post(body === undefined ? load : { ...load, body });
      await server.stop();
      const used = await measureUsage(directory);
      rows.push({
        hits,
        "bytes per hit": Number((used.bytes / used.hits).toFixed(2)),
        "hits per batch": Number((used.hits / used.batches).toFixed(1)),
        "hits counted": used.hits,
        errors,
      });
    } finally {
      await remove(directory);
    }
  }
  printRows(rows);
  return rows;
}

async function measureUsage(directory: string): Promise<{ hits: number; batches: number; bytes: number }> {
  const reader = new LogReader({ directory: new LogDirectory(directory), from: undefined });
  const used = { hits: 0, batches: 0, bytes: 0 };
  try {
    for (;;) {
      const step = await reader.next();
      if ("end" in step) return used;
      if ("damage" in step) throw new Error(`the log of this benchmark is damaged: ${describeDamage(step.damage)}`);
      const { batch } = step;
      used.bytes += batch.endByte - batch.byte;
      used.hits += batch.count;
      if (batch.count > 0) used.batches++;
    }
  } finally {
    await reader.close();
  }
}
