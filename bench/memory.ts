import { memoryOf } from "../test/support/process-memory.js";
import { ServerProcess, temporaryDirectory } from "../test/support/server-process.js";
import { printRows, type Row } from "./row.js";
import { sendHits } from "./send-hits.js";

const HITS = 1_000_000;
const COUNTERS = [1000, 1_000_000];

/** Measures the server's memory after a million hits on a thousand counters, and on a million. */
export async function benchMemory(): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const counters of COUNTERS) {
    const server = await ServerProcess.start({
      WAL_DIR: temporaryDirectory(),
      WAL_SEGMENT_BYTES: "64MiB",
      LOG_LEVEL: "warn",
    });
    try {
      await sendHits(server.url, HITS, counters);
      const { resident, peak } = memoryOf(server.child.pid);
      rows.push({ hits: HITS, counters, "resident MB": resident, "peak MB": peak });
    } finally {
      await server.stop();
    }
  }
  printRows(rows);
  return rows;
}
