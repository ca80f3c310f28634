import { setTimeout as sleep } from "node:timers/promises";
import { remove } from "fs-extra/esm";
import { MongoClient } from "mongodb";
import { loadSnapshots } from "../src/projection/snapshot/snapshot.js";
import { LogDirectory } from "../src/wal/log-directory.js";
import type { MongoServer } from "../test/support/mongodb/server.js";
import { temporaryDirectory } from "../test/support/server-process.js";
import { buildBacklog, type CatchUp, startProjecting, statusOf, waitUntilCaughtUp, withMongo } from "./backlog.js";
import { benchLoadDuringCatchUp } from "./catch-up-load.js";
import { replay } from "./replay.js";
import { printRows, type Row } from "./row.js";
import { sendHits } from "./send-hits.js";
import { grouped, median } from "./table.js";

const HITS = [1_000_000, 10_000_000];
/** Many counters take long and vary less. */
const CASES = [
  { counters: 1, rounds: 3 },
  { counters: 1000, rounds: 3 },
  { counters: 100_000, rounds: 1 },
  { counters: 1_000_000, rounds: 1 },
];
/** Up to this many counters all documents exist before, as in most outages; with more counters all are new. */
const MAX_EXISTING = 1000;
/** The rest is extrapolated from what was projected by then. */
const LIMIT_MS = 30_000;
const RESTARTED_COUNTERS = 1000;
/** The expected rate of adding up hits that no snapshot includes. */
const FOLD_HITS_PER_MS = 5000;

/** Measures how long MongoDB takes to have all hits once it answers again, what a restart adds, and how requests are slowed. */
export async function benchCatchUp(): Promise<readonly Row[]> {
  return [...(await benchBacklog()), ...(await benchRestarted()), ...(await benchLoadDuringCatchUp())];
}

/** Catches up with hits that came while MongoDB was frozen, on few counters and on many; compared with one update per hit. */
export function benchBacklog(cases = CASES): Promise<readonly Row[]> {
  return withMongo(async (mongo) => {
    const rows: Row[] = [];
    for (const { counters, rounds } of cases) rows.push(...(await backlogRows(mongo, counters, rounds)));
    printRows(rows);
    console.log(
      "One update per hit was measured on a few thousand hits and extrapolated in proportion; figures marked with ~ took more " +
        `than ${LIMIT_MS / 1000} s, and are extrapolated from what was projected by then.`,
    );
    return rows;
  });
}

async function backlogRows(mongo: MongoServer, counters: number, rounds: number): Promise<Row[]> {
  const times = new Map<number, CatchUp[]>(HITS.map((hits) => [hits, []]));
  for (let round = 0; round < rounds; round++) {
    for (const hits of HITS) times.get(hits)?.push(await catchUpOnce(mongo, hits, counters));
  }
  const one = await replay(`${mongo.url}/${mongo.randomDatabase()}`, counters);
  const medianOf = (hits: number) => median((times.get(hits) ?? []).map(({ ms }) => ms));
  const afterReconnect = (hits: number) =>
    median((times.get(hits) ?? []).map(({ ms, reconnectMs }) => ms - reconnectMs));
  return HITS.map((hits) => {
    const own = (times.get(hits) ?? []).map(({ ms }) => ms);
    const mark = times.get(hits)?.every(({ isComplete }) => isComplete) ? "" : "~";
    return {
      counters,
      "hits pending": hits,
      documents: counters <= MAX_EXISTING ? "existing" : "new",
      "ms until none is pending": Math.round(medianOf(hits)),
      "of these after reconnecting": Math.round(afterReconnect(hits)),
      "min–max": `${mark}${grouped(Math.min(...own))}–${grouped(Math.max(...own))}`,
      "against 1 million": Number((medianOf(hits) / medianOf(HITS[0] ?? 0)).toFixed(2)),
      "one $inc per counter, ms": Math.round((one.bulk * counters) / 1000),
      "one per hit, s": Math.round((one.sequential * hits) / 1e6),
      "one per hit, in bulks of 1,000, s": Math.round((one.bulk * hits) / 1e6),
    };
  });
}

async function catchUpOnce(mongo: MongoServer, hits: number, counters: number): Promise<CatchUp> {
  const directory = temporaryDirectory();
  const server = await startProjecting(directory, `${mongo.url}/${mongo.randomDatabase()}`);
  try {
    await sendHits(server.url, 10_000, Math.min(counters, MAX_EXISTING));
    await waitUntilCaughtUp(server);
    await buildBacklog({ server, mongo, hits, counters });
    mongo.thaw();
    return await waitUntilCaughtUp(server, LIMIT_MS);
  } finally {
    await server.stop();
    await remove(directory);
  }
}

/** The same if our server was killed in the outage, and is up again when MongoDB answers. */
export function benchRestarted(): Promise<readonly Row[]> {
  return withMongo(async (mongo) => {
    const rows: Row[] = [];
    for (const hits of HITS) rows.push(await restartedRow(mongo, hits));
    printRows(rows);
    return rows;
  });
}

async function restartedRow(mongo: MongoServer, hits: number): Promise<Row> {
  const directory = temporaryDirectory();
  const url = `${mongo.url}/${mongo.randomDatabase()}`;
  const before = await startProjecting(directory, url);
  await sendHits(before.url, 10_000, RESTARTED_COUNTERS);
  await waitUntilCaughtUp(before);
  await buildBacklog({ server: before, mongo, hits, counters: RESTARTED_COUNTERS });
  const { end } = (await statusOf(before)).log;
  await before.kill();
  const { newest } = await loadSnapshots(new LogDirectory(directory));
  const uncovered = end - (newest?.facts.offset ?? 0);
  const started = performance.now();
  const server = await startProjecting(directory, url);
  const ready = performance.now() - started;
  try {
    mongo.thaw();
    const thawed = performance.now();
    await waitForAll(url, hits + 10_000);
    return {
      counters: RESTARTED_COUNTERS,
      "hits pending": hits,
      "not in a snapshot": uncovered,
      "adding these up at 5 million/s, ms": Math.round(uncovered / FOLD_HITS_PER_MS),
      "start ms": Math.round(ready),
      "ms until none is pending": Math.round(performance.now() - thawed),
    };
  } finally {
    await server.stop();
    await remove(directory);
  }
}

/** Asks MongoDB itself: a server that has just started does not know yet what is pending. */
async function waitForAll(url: string, hits: number): Promise<void> {
  const client = new MongoClient(url);
  try {
    const counters = client.db().collection("counters");
    for (;;) {
      let sum = 0;
      for await (const document of counters.find()) sum += Number(document["count"]);
      if (sum === hits) return;
      if (sum > hits) throw new Error(`MongoDB has ${sum} hits of ${hits}`);
      await sleep(20);
    }
  } finally {
    await client.close();
  }
}
