import { rmSync } from "node:fs";
import type { MongoServer } from "../test/support/mongodb/server.js";
import { temporaryDirectory } from "../test/support/server-process.js";
import { type Load, post } from "./load.js";
import { lagOf, owe, paid, startProjecting, withMongo } from "./owed.js";
import { printRows, type Row, shownRange } from "./row.js";
import { sendHits } from "./send-hits.js";
import { median } from "./table.js";

const CONNECTIONS = 64;
/** Few counters are caught up with in a moment: the load is as short. */
const CASES = [
  { hits: 10_000_000, counters: 1000, seconds: 1, rounds: 3 },
  { hits: 10_000_000, counters: 100_000, seconds: 3, rounds: 2 },
];

/** `POST /hits/:counter` while ten million hits are being caught up with, against the same server with nothing owed. */
export function benchLoadMeanwhile(cases = CASES): Promise<readonly Row[]> {
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
  const owedBehind: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const directory = temporaryDirectory();
    const server = await startProjecting(directory, `${mongo.url}/${mongo.randomDatabase()}`);
    const load = () => post({ url: `${server.url}/hits/home`, connections: CONNECTIONS, seconds });
    try {
      await sendHits(server.url, 10_000, 1000);
      await load();
      await paid(server);
      idle.push(await load());
      await paid(server);
      await owe(server, mongo, hits, counters);
      mongo.thaw();
      during.push(await load());
      owedBehind.push(await lagOf(server));
    } finally {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  }
  const rates = (loads: readonly Load[]) => loads.map((one) => one.requestsPerSecond);
  const p99s = (loads: readonly Load[]) => loads.map((one) => one.p99Milliseconds);
  const ratios = rates(during).map((rate, round) => rate / (rates(idle)[round] ?? Number.NaN));
  const slower = p99s(during).map((p99, round) => p99 / (p99s(idle)[round] ?? Number.NaN));
  return {
    counters,
    "hits owed": hits,
    "still owed behind the load": Math.round(median(owedBehind)),
    "answers/s idle": Math.round(median(rates(idle))),
    "catching up": Math.round(median(rates(during))),
    ratio: Number(median(ratios).toFixed(2)),
    "min–max": shownRange(ratios),
    "p99 ms idle": median(p99s(idle)),
    "p99 ms catching up": median(p99s(during)),
    "p99 ratio": Number(median(slower).toFixed(2)),
    errors: [...idle, ...during].reduce((sum, { errors }) => sum + errors, 0),
  };
}
