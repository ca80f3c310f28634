import { remove } from "fs-extra/esm";
import { temporaryDirectory } from "../test/support/server-process.js";
import { startProjecting, waitUntilCaughtUp, withMongo } from "./backlog.js";
import { type Load, post } from "./load.js";
import { formatRange, printRows, type Row } from "./row.js";
import { median } from "./table.js";

const ROUNDS = 4;
const CONNECTIONS = 64;
const SECONDS = 3;
const LONG_SECONDS = 10;

/** Measures what an outage of MongoDB does to requests: up and frozen in turn. */
export function benchOutage(): Promise<readonly Row[]> {
  return withMongo(async (mongo) => {
    const directory = temporaryDirectory();
    const server = await startProjecting(directory, `${mongo.url}/${mongo.randomDatabase()}`);
    const load = (seconds: number) => post({ url: `${server.url}/hits/home`, connections: CONNECTIONS, seconds });
    const frozen = async (seconds: number) => {
      await mongo.freeze();
      const measured = await load(seconds);
      mongo.thaw();
      await waitUntilCaughtUp(server);
      return measured;
    };
    try {
      await load(2);
      const up: Load[] = [];
      const down: Load[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        up.push(await load(SECONDS));
        down.push(await frozen(SECONDS));
      }
      const long = await frozen(LONG_SECONDS);
      const ratios = down.map((one, round) => one.requestsPerSecond / (up[round]?.requestsPerSecond ?? Number.NaN));
      const rows = [
        row("up", up, [1]),
        row("frozen", down, ratios),
        row(
          `frozen, ${LONG_SECONDS} s`,
          [long],
          [long.requestsPerSecond / median(up.map((one) => one.requestsPerSecond))],
        ),
      ];
      printRows(rows);
      return rows;
    } finally {
      await server.stop();
      await remove(directory);
    }
  });
}

function row(mongodb: string, loads: readonly Load[], ratios: readonly number[]): Row {
  return {
    MongoDB: mongodb,
    "answers/s": Math.round(median(loads.map((one) => one.requestsPerSecond))),
    ratio: Number(median(ratios).toFixed(2)),
    "min–max": formatRange(ratios),
    "slowest ms": Math.max(...loads.map((one) => one.maxMilliseconds)),
    errors: loads.reduce((sum, { errors }) => sum + errors, 0),
  };
}
