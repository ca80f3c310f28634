/**
 * `npm run demo`: an outage on one terminal, in about a minute. Real processes on loopback ports: our server, MongoDB, and
 * visitors who keep a ledger of their answers. Prints a row each second; at the end the ledger and `wal audit` show whether
 * anything was lost or counted twice. Exit status 0 if all is right, otherwise 1. Ctrl-C cleans up.
 * `npm run demo -- --chart FILE.svg` also draws it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { outputFile } from "fs-extra/esm";
import { drawStory } from "./demo-chart.js";
import { type DemoMongo, openMongo } from "./demo-mongodb.js";
import { DemoServer, type Figures } from "./demo-server.js";
import { printEvent, printHeader } from "./demo-table.js";
import { Traffic } from "./demo-traffic.js";
import { judge } from "./demo-verdict.js";
import { Watch } from "./demo-watch.js";

const HITS_PER_SECOND = 300;
const CATCH_UP_MS = 15_000;
/** This many hits are in flight all the time. */
const CAUGHT_UP = HITS_PER_SECOND;
const CLEAN_UP_MS = 8000;
/** Far more than the demo takes: something hangs. */
const LIMIT_MS = 240_000;
const INTERRUPTED = 130;

const { chart } = parseArgs({ options: { chart: { type: "string" } } }).values;
let mongo: DemoMongo | undefined;
let server: DemoServer | undefined;
let watch: Watch | undefined;
let cleaning = false;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => end("stopped", INTERRUPTED));
setTimeout(() => end("the demo failed: it took too long", 1), LIMIT_MS).unref();

try {
  process.exitCode = (await run()) ? 0 : 1;
} catch (error) {
  if (!cleaning) console.error(`the demo failed: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
} finally {
  if (!cleaning) await cleanUp();
}

async function run(): Promise<boolean> {
  mongo = await openMongo();
  if (mongo === undefined) {
    console.log("The demo needs a MongoDB: put mongod on the PATH, or set MONGODB_URL.");
    return false;
  }
  server = await DemoServer.open(mongo);
  console.log(
    `Our server: ${server.url}, its log in ${server.directory}. Visitors: ${HITS_PER_SECOND} hits per second.`,
  );
  const traffic = new Traffic(server.url, HITS_PER_SECOND);
  const rows = new Watch(server, traffic);
  watch = rows;
  printHeader();
  await rows.during("all is well", 5);
  if (mongo.control === undefined) await killOurs(server, rows, "our server back");
  else await outages(mongo.control, server, rows);
  await rows.until("all back, catching up", isCaughtUp, CATCH_UP_MS);
  await rows.during("all is well", 4);
  printEvent("the visitors go home");
  await traffic.stop();
  const settled = await rows.until("waiting for pending hits", ({ pending }) => pending === 0, CATCH_UP_MS);
  if (chart !== undefined) await outputFile(chart, drawStory(rows.seconds));
  return await judge({ server, traffic, watch: rows, settled });
}

function isCaughtUp({ mongodb, pending }: Figures): boolean {
  return mongodb === "up" && pending < CAUGHT_UP;
}

async function outages(control: NonNullable<DemoMongo["control"]>, ours: DemoServer, rows: Watch): Promise<void> {
  printEvent("MongoDB is killed (kill -9): hits are accepted and counted all the same");
  await control.kill();
  await rows.during("MongoDB stopped", 8);
  printEvent("MongoDB is started again: the hits that waited in the log are projected");
  await rows.meanwhile("MongoDB starting", control.start());
  await rows.during("MongoDB back", 5);
  printEvent("MongoDB is frozen (kill -STOP): it accepts connections and never answers");
  await control.freeze();
  await rows.during("MongoDB frozen", 8);
  await killOurs(ours, rows, "our server back, MongoDB frozen");
  printEvent("MongoDB is thawed (kill -CONT)");
  control.thaw();
}

async function killOurs(ours: DemoServer, rows: Watch, afterwards: string): Promise<void> {
  printEvent("our own process is killed (kill -9) in the middle of this");
  await ours.kill();
  await rows.during("our process killed", 2);
  printEvent("our server is started again: the count must not have fallen");
  await rows.meanwhile("our server starting", ours.start());
  await rows.during(afterwards, 5);
}

/** Cleans up and exits. A second signal exits at once; exit handlers then clean up. */
function end(why: string, status: number): void {
  if (cleaning) process.exit(status);
  console.log(`\n${why}: cleaning up`);
  void cleanUp().finally(() => process.exit(status));
}

async function cleanUp(): Promise<void> {
  cleaning = true;
  watch?.stop();
  const ending = Promise.allSettled([server?.kill(), mongo?.close()]);
  await Promise.race([ending, sleep(CLEAN_UP_MS, undefined, { ref: false })]);
}
