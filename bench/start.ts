import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { encodeHits } from "../src/hit/encoding.js";
import { Log } from "../src/wal/log.js";
import { LogDirectory } from "../src/wal/log-directory.js";
import { SNAPSHOT_DIRECTORY } from "../src/wal/segment-name.js";
import { ServerProcess } from "../test/support/server-process.js";
import { counterNames } from "./counter-names.js";
import { memoryOf } from "./process-memory.js";
import { printRows, type Row } from "./row.js";
import { grouped, median } from "./table.js";

const LOG_BYTES = 2 ** 30;
const NAMES = counterNames(1000);
const IN_FLIGHT = 8;
const ROUNDS = 3;
/** Nothing listens there. */
const NOWHERE = "mongodb://127.0.0.1:1/hits";
/** What a start leaves undone shows in memory a little later. */
const SETTLED_MS = 3000;

/** From the start of the process until it listens, and its memory: without a log, and with one of 1 GiB. */
export async function benchStart(): Promise<readonly Row[]> {
  const directory = mkdtempSync(path.join(tmpdir(), "durable-hits-start-"));
  try {
    const filled = path.join(directory, "log");
    const hits = await fill(filled);
    const rows: Row[] = [];
    const empty = Array.from({ length: ROUNDS }, (_, round) => path.join(directory, `empty-${round}`));
    rows.push(await startRow("none", 0, ROUNDS, (round) => empty[round] ?? ""));
    rows.push(
      await startRow("1 GiB, no snapshot", hits, 2, () => {
        rmSync(path.join(filled, SNAPSHOT_DIRECTORY), { recursive: true, force: true });
        return filled;
      }),
    );
    // The server that was stopped last has written one.
    if (readdirSync(path.join(filled, SNAPSHOT_DIRECTORY)).length === 0) throw new Error("there is no snapshot");
    rows.push(await startRow("1 GiB, with a snapshot", hits, ROUNDS, () => filled));
    rows.push(await startRow("the same, and MongoDB away", hits, ROUNDS, () => filled, { MONGODB_URL: NOWHERE }));
    printRows(rows);
    return rows;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function startRow(
  log: string,
  hits: number,
  rounds: number,
  directory: (round: number) => string,
  more: Record<string, string> = {},
): Promise<Row> {
  const ready: number[] = [];
  const memory = { ready: 0, settled: 0, peak: 0 };
  for (let round = 0; round < rounds; round++) {
    const environment = {
      WAL_DIR: directory(round),
      WAL_SEGMENT_BYTES: "64MiB",
      WAL_RETENTION: "forever",
      LOG_LEVEL: "fatal",
      ...more,
    };
    const started = performance.now();
    const server = await ServerProcess.start(environment);
    ready.push(performance.now() - started);
    memory.ready = Math.max(memory.ready, memoryOf(server.child.pid).resident);
    await sleep(SETTLED_MS);
    const { resident, peak } = memoryOf(server.child.pid);
    memory.settled = Math.max(memory.settled, resident);
    memory.peak = Math.max(memory.peak, peak);
    await server.stop();
  }
  const milliseconds = median(ready);
  return {
    log,
    "ready ms": Math.round(milliseconds),
    "min–max": `${grouped(Math.min(...ready))}–${grouped(Math.max(...ready))}`,
    "resident MB when ready": memory.ready,
    "3 s later": memory.settled,
    "at most": memory.peak,
    hits,
  };
}

/** Writes the log as a server would; how many hits it holds. */
async function fill(directory: string): Promise<number> {
  const log = await Log.open({
    directory: new LogDirectory(directory),
    segmentBytes: 64 * 2 ** 20,
    maxQueuedBytes: 2 ** 26,
  });
  const bytes = encodeHits(NAMES.map((counter) => ({ counter, n: 1 })));
  let left = Math.ceil(LOG_BYTES / bytes.length);
  const hits = left * NAMES.length;
  const append = () =>
    new Promise<void>((resolve, reject) => {
      log.append({ bytes, count: NAMES.length, durable: () => resolve(), failed: reject });
    });
  const appendAll = async () => {
    while (left-- > 0) await append();
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, appendAll));
  await log.close();
  return hits;
}
