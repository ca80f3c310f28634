import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { MongoClient } from "mongodb";
import { loadSnapshots } from "../src/projection/local.js";
import { LogDirectory } from "../src/wal/log-directory.js";
import type { MongoServer } from "../test/support/mongodb/server.js";
import { temporaryDirectory } from "../test/support/server-process.js";
import { benchLoadMeanwhile } from "./catch-up-load.js";
import { owe, type PaidIn, paid, startProjecting, statusOf, withMongo } from "./owed.js";
import { replay } from "./replay.js";
import { printRows, type Row } from "./row.js";
import { sendHits } from "./send-hits.js";
import { grouped, median } from "./table.js";

const HITS = [1_000_000, 10_000_000];
/** Many counters take long, and vary less. */
const CASES = [
  { counters: 1, rounds: 3 },
  { counters: 1000, rounds: 3 },
  { counters: 100_000, rounds: 1 },
  { counters: 1_000_000, rounds: 1 },
];
/** Up to here every counter has its document before, as in most outages; else all documents are new. */
const MAX_KNOWN = 1000;
/** What is not done by then is extrapolated from what is. */
const LIMIT_MS = 30_000;
const RESTARTED_COUNTERS = 1000;
/** What the fold of hits that no snapshot covers may take. */
const FOLD_HITS_PER_MS = 5000;

/** How long MongoDB takes to have all hits once it answers again, what a restart adds, and what requests notice. */
export async function benchCatchUp(): Promise<readonly Row[]> {
  return [...(await benchOwed()), ...(await benchRestarted()), ...(await benchLoadMeanwhile())];
}

/** Hits that came while MongoDB stood still, on few counters and on many; beside it one update a hit. */
export function benchOwed(cases = CASES): Promise<readonly Row[]> {
  return withMongo(async (mongo) => {
    const rows: Row[] = [];
    for (const { counters, rounds } of cases) rows.push(...(await owedRows(mongo, counters, rounds)));
    printRows(rows);
    console.log(
      "One update a hit was measured on a few thousand hits and extrapolated in proportion; what is marked with ~ took more " +
        `than ${LIMIT_MS / 1000} s, and was extrapolated from what was paid by then.`,
    );
    return rows;
  });
}

async function owedRows(mongo: MongoServer, counters: number, rounds: number): Promise<Row[]> {
  const times = new Map<number, PaidIn[]>(HITS.map((hits) => [hits, []]));
  for (let round = 0; round < rounds; round++) {
    for (const hits of HITS) times.get(hits)?.push(await payOnce(mongo, hits, counters));
  }
  const one = await replay(`${mongo.url}/${mongo.randomDatabase()}`, counters);
  const medianOf = (hits: number) => median((times.get(hits) ?? []).map(({ ms }) => ms));
  const afterReconnect = (hits: number) =>
    median((times.get(hits) ?? []).map(({ ms, reconnectMs }) => ms - reconnectMs));
  return HITS.map((hits) => {
    const own = (times.get(hits) ?? []).map(({ ms }) => ms);
    const mark = times.get(hits)?.every(({ isWhole }) => isWhole) ? "" : "~";
    return {
      counters,
      "hits owed": hits,
      documents: counters <= MAX_KNOWN ? "there" : "new",
      "ms until none is": Math.round(medianOf(hits)),
      "of these after reconnect": Math.round(afterReconnect(hits)),
      "min–max": `${mark}${grouped(Math.min(...own))}–${grouped(Math.max(...own))}`,
      "against 1 million": Number((medianOf(hits) / medianOf(HITS[0] ?? 0)).toFixed(2)),
      "one $inc a counter, ms": Math.round((one.bulk * counters) / 1000),
      "one a hit, s": Math.round((one.sequential * hits) / 1e6),
      "one a hit, in bulks of 1,000, s": Math.round((one.bulk * hits) / 1e6),
    };
  });
}

async function payOnce(mongo: MongoServer, hits: number, counters: number): Promise<PaidIn> {
  const directory = temporaryDirectory();
  const server = await startProjecting(directory, `${mongo.url}/${mongo.randomDatabase()}`);
  try {
    await sendHits(server.url, 10_000, Math.min(counters, MAX_KNOWN));
    await paid(server);
    await owe(server, mongo, hits, counters);
    mongo.thaw();
    return await paid(server, LIMIT_MS);
  } finally {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The same where our server was killed in the outage, and is up again when MongoDB answers. */
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
  await paid(before);
  await owe(before, mongo, hits, RESTARTED_COUNTERS);
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
    await hasAll(url, hits + 10_000);
    return {
      counters: RESTARTED_COUNTERS,
      "hits owed": hits,
      "not in a snapshot": uncovered,
      "their fold at 5 million a second, ms": Math.round(uncovered / FOLD_HITS_PER_MS),
      "start ms": Math.round(ready),
      "ms until none is owed": Math.round(performance.now() - thawed),
    };
  } finally {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Asks MongoDB itself: a server that has just started doesn't know yet what is owed. */
async function hasAll(url: string, hits: number): Promise<void> {
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
