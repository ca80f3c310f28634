import { setTimeout as sleep } from "node:timers/promises";
import { findServer } from "../test/support/mongodb/find-server.js";
import { MongoServer } from "../test/support/mongodb/server.js";
import { type Load, post } from "./load.js";
import { type Contestant, startOurs } from "./server.js";
import { grouped, median, printTable } from "./table.js";

const ROUNDS = 4;
const CONNECTIONS = 64;
const OWED = [1_000_000, 5_000_000];
const COUNTERS = 1000;
const CATCH_UP_ROUNDS = 3;
const PER_REQUEST = 10_000;

/** What an outage of MongoDB does to requests, and how fast what is owed is paid once it is back. */
export async function benchOutage(): Promise<void> {
  const found = await findServer();
  if (found === undefined || !found.controllable) {
    console.log("left out: there is no MongoDB server that this may stop");
    return;
  }
  const mongo = await MongoServer.open(found);
  const ours = await startOurs({ MONGODB_URL: `${mongo.url}/bench` });
  try {
    await frozen(ours, mongo);
    for (const hits of OWED) await catchUp(ours, mongo, hits);
  } finally {
    await ours.stop();
    await mongo.close();
  }
}

async function frozen(ours: Contestant, mongo: MongoServer): Promise<void> {
  const load = (seconds: number) => post({ url: `${ours.url}/hits/home`, connections: CONNECTIONS, seconds });
  await load(2);
  const up: Load[] = [];
  const down: Load[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    up.push(await load(3));
    await mongo.freeze();
    down.push(await load(3));
    mongo.thaw();
    await paid(ours);
  }
  await mongo.freeze();
  const long = await load(10);
  mongo.thaw();
  await paid(ours);
  const rate = (loads: readonly Load[]) => median(loads.map((one) => one.requestsPerSecond));
  const slowest = (loads: readonly Load[]) => Math.max(...loads.map((one) => one.maxMilliseconds)).toFixed(0);
  const ratios = down.map((one, round) => one.requestsPerSecond / (up[round]?.requestsPerSecond ?? 1));
  printTable(
    ["MongoDB", "answers/s", "ratio (min–max)", "slowest ms"],
    [
      ["up", grouped(rate(up)), "1", slowest(up)],
      ["frozen", grouped(rate(down)), spread(ratios), slowest(down)],
      ["frozen, 10 s", grouped(long.requestsPerSecond), "", slowest([long])],
    ],
  );
}

/** Frozen, not killed: a server that starts takes the machine for itself, and that is none of ours. */
async function catchUp(ours: Contestant, mongo: MongoServer, hits: number): Promise<void> {
  const load = () => post({ url: `${ours.url}/hits/home`, connections: CONNECTIONS, seconds: 3 });
  const before = await load();
  const times: number[] = [];
  let owed = 0;
  for (let round = 0; round < CATCH_UP_ROUNDS; round++) {
    owed = await owe(ours, mongo, hits);
    mongo.thaw();
    const started = performance.now();
    await paid(ours);
    times.push(performance.now() - started);
  }
  await owe(ours, mongo, hits);
  mongo.thaw();
  const during = await load();
  await paid(ours);
  const shown = times.map((time) => time.toFixed(0)).join(", ");
  const ratio = (during.requestsPerSecond / before.requestsPerSecond).toFixed(2);
  console.log(
    `${grouped(owed)} hits on ${grouped(COUNTERS)} counters owed: paid ${shown} ms after MongoDB answered; ` +
      `answers meanwhile: ${grouped(during.requestsPerSecond)}/s, ${ratio} of before`,
  );
}

/** Freezes MongoDB and counts so many hits; how many are owed then. */
async function owe(ours: Contestant, mongo: MongoServer, hits: number): Promise<number> {
  await mongo.freeze();
  for (let sent = 0; sent < hits; sent += PER_REQUEST) {
    const lines = Array.from({ length: PER_REQUEST }, (_, i) => `{"counter":"/page/${(sent + i) % COUNTERS}"}`);
    const headers = { "content-type": "application/x-ndjson" };
    const response = await fetch(`${ours.url}/hits`, { method: "POST", body: lines.join("\n"), headers });
    if (response.status !== 202) throw new Error(await response.text());
  }
  return await lag(ours);
}

async function lag(ours: Contestant): Promise<number> {
  const status = (await (await fetch(`${ours.url}/status`)).json()) as { projections: { name: string; lag: number }[] };
  return status.projections.find(({ name }) => name === "mongodb")?.lag ?? Number.NaN;
}

/** Waits until nothing is owed. */
async function paid(ours: Contestant): Promise<void> {
  while ((await lag(ours)) > 0) await sleep(10);
}

function spread(ratios: readonly number[]): string {
  const sorted = [...ratios].sort((a, b) => a - b).map((ratio) => ratio.toFixed(2));
  return `${median(ratios).toFixed(2)} (${sorted[0]}–${sorted.at(-1)})`;
}
