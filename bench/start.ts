import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { remove } from "fs-extra/esm";
import { Log } from "../src/wal/log.js";
import { LogDirectory } from "../src/wal/log-directory.js";
import { SNAPSHOT_DIRECTORY } from "../src/wal/segment-name.js";
import { encodeHits } from "../test/support/encode-hits.js";
import { memoryOf } from "../test/support/process-memory.js";
import { ServerProcess } from "../test/support/server-process.js";
import { counterNames } from "./counter-names.js";
import { printRows, type Row } from "./row.js";
import { grouped, median } from "./table.js";

const LOG_BYTES = 2 ** 30;
const NAMES = counterNames(1000);
const IN_FLIGHT = 8;
const ROUNDS = 3;
/** Nothing listens there. */
const NOWHERE = "mongodb://127.0.0.1:1/hits";
/** Work that a start defers shows in memory a little later. */
const SETTLED_MS = 3000;

/** Measures the time until a process listens, and its memory: without a log, and with one of 1 GiB. */
export async function benchStart(): Promise<readonly Row[]> {
  const directory = mkdtempSync(path.join(tmpdir(), "durable-hits-start-"));
  try {
    const filled = path.join(directory, "log");
    const hits = await fill(filled);
    const rows: Row[] = [];
    const empty = Array.from({ length: ROUNDS }, (_, round) => path.join(directory, `empty-${round}`));
    rows.push(await startRow({ log: "none", hits: 0, rounds: ROUNDS, directory: (round) => empty[round] ?? "" }));
    rows.push(
      await startRow({
        log: "1 GiB, no snapshot",
        hits,
        rounds: 2,
        directory: async () => {
          await remove(path.join(filled, SNAPSHOT_DIRECTORY));
          return filled;
        },
      }),
    );
    // The last server wrote one when it stopped.
    if (readdirSync(path.join(filled, SNAPSHOT_DIRECTORY)).length === 0) throw new Error("there is no snapshot");
    const whole = { hits, rounds: ROUNDS, directory: () => filled };
    rows.push(await startRow({ ...whole, log: "1 GiB, with a snapshot" }));
    rows.push(await startRow({ ...whole, log: "the same, and MongoDB away", settings: { MONGODB_URL: NOWHERE } }));
    printRows(rows);
    return rows;
  } finally {
    await remove(directory);
  }
}

interface Start {
  /** Describes the log that the server starts with. */
  readonly log: string;
  readonly hits: number;
  readonly rounds: number;
  /** Prepares the log directory of a round. */
  readonly directory: (round: number) => string | Promise<string>;
  readonly settings?: Record<string, string>;
}

async function startRow({ log, hits, rounds, directory, settings }: Start): Promise<Row> {
  const ready: number[] = [];
  const memory = { ready: 0, settled: 0, peak: 0 };
  for (let round = 0; round < rounds; round++) {
    const environment = {
      WAL_DIR: await directory(round),
      WAL_SEGMENT_BYTES: "64MiB",
      WAL_RETENTION: "forever",
      LOG_LEVEL: "fatal",
      ...settings,
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
    "resident MB 3 s later": memory.settled,
    "peak MB": memory.peak,
    hits,
  };
}

/** Writes the log as a server would. Returns how many hits it has. */
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
