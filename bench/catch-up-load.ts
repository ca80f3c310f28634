import { remove } from "fs-extra/esm";
import type { MongoServer } from "../test/support/mongodb/server.js";
import { temporaryDirectory } from "../test/support/server-process.js";
import { buildBacklog, lagOf, startProjecting, waitUntilCaughtUp, withMongo } from "./backlog.js";
import { type Load, post } from "./load.js";
import { formatRange, printRows, type Row } from "./row.js";
import { sendHits } from "./send-hits.js";
import { median } from "./table.js";

const CONNECTIONS = 64;
/** Catching up with few counters takes a moment, so the load is as short. */
const CASES = [
  { hits: 10_000_000, counters: 1000, seconds: 1, rounds: 3 },
  { hits: 10_000_000, counters: 100_000, seconds: 3, rounds: 2 },
];

/** Measures `POST /hits/:counter` while ten million hits are projected, against the same server with none pending. */
export function benchLoadDuringCatchUp(cases = CASES): Promise<readonly Row[]> {
  return withMongo(async (mongo) => {
    const rows: Row[] = [];
    for (const one of cases) rows.push(await loadRow(mongo, one));
    printRows(rows);
    return rows;
  });
}

async function loadRow(mongo: MongoServer, { hits, counters, seconds, rounds }: (typeof CASES)[number]): Promise<Row> {
  const idle: Load[] = [];
  const during: Load[] = [];
  const pendingAfter: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const directory = temporaryDirectory();
    const server = await startProjecting(directory, `${mongo.url}/${mongo.randomDatabase()}`);
    const load = () => post({ url: `${server.url}/hits/home`, connections: CONNECTIONS, seconds });
    try {
      await sendHits(server.url, 10_000, 1000);
      await load();
      await waitUntilCaughtUp(server);
      idle.push(await load());
      await waitUntilCaughtUp(server);
      await buildBacklog({ server, mongo, hits, counters });
      mongo.thaw();
      during.push(await load());
      pendingAfter.push(await lagOf(server));
    } finally {
      await server.stop();
      await remove(directory);
    }
  }
  const rates = (loads: readonly Load[]) => loads.map((one) => one.requestsPerSecond);
  const p99s = (loads: readonly Load[]) => loads.map((one) => one.p99Milliseconds);
  const ratios = rates(during).map((rate, round) => rate / (rates(idle)[round] ?? Number.NaN));
  const slower = p99s(during).map((p99, round) => p99 / (p99s(idle)[round] ?? Number.NaN));
  return {
    counters,
    "hits pending": hits,
    "still pending after the load": Math.round(median(pendingAfter)),
    "answers/s idle": Math.round(median(rates(idle))),
    "catching up": Math.round(median(rates(during))),
    ratio: Number(median(ratios).toFixed(2)),
    "min–max": formatRange(ratios),
    "p99 ms idle": median(p99s(idle)),
    "p99 ms catching up": median(p99s(during)),
    "p99 ratio": Number(median(slower).toFixed(2)),
    errors: [...idle, ...during].reduce((sum, { errors }) => sum + errors, 0),
  };
}
