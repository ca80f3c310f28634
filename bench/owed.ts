import { setTimeout as sleep } from "node:timers/promises";
import { findServer } from "../test/support/mongodb/find-server.js";
import { MongoServer } from "../test/support/mongodb/server.js";
import { ServerProcess } from "../test/support/server-process.js";
import { sendHits } from "./send-hits.js";

/** Runs `body` with a MongoDB of its own that it may freeze; says so and gives nothing where there is none. */
export async function withMongo<T>(body: (mongo: MongoServer) => Promise<readonly T[]>): Promise<readonly T[]> {
  const found = await findServer();
  if (found === undefined || !found.controllable) {
    console.log("left out: there is no MongoDB server that this may stop");
    return [];
  }
  const mongo = await MongoServer.open(found);
  try {
    return await body(mongo);
  } finally {
    await mongo.close();
  }
}

/** Our server as built, with a log in this directory. */
export function startProjecting(directory: string, url: string): Promise<ServerProcess> {
  return ServerProcess.start({
    WAL_DIR: directory,
    WAL_SEGMENT_BYTES: "64MiB",
    MAX_COUNTERS: "2000000",
    MONGODB_URL: url,
    LOG_LEVEL: "fatal",
  });
}

/**
 * Freezes MongoDB and counts so many hits meanwhile. Frozen, not killed: a server that starts takes the machine for itself,
 * and that is none of ours.
 */
export async function owe(server: ServerProcess, mongo: MongoServer, hits: number, counters: number): Promise<void> {
  await mongo.freeze();
  await sendHits(server.url, hits, counters);
  const owed = await lagOf(server);
  if (owed < hits) throw new Error(`${hits} hits should be owed, and ${owed} are`);
}

interface Status {
  readonly log: { readonly end: number };
  readonly projections: readonly Projection[];
}

interface Projection {
  readonly name: string;
  readonly lag: number;
  readonly state: string;
}

export async function statusOf(server: ServerProcess): Promise<Status> {
  return (await (await fetch(`${server.url}/status`)).json()) as Status;
}

/** Hits that MongoDB has not confirmed. */
export async function lagOf(server: ServerProcess): Promise<number> {
  return (await projectionOf(server))?.lag ?? Number.NaN;
}

async function projectionOf(server: ServerProcess): Promise<Projection | undefined> {
  return (await statusOf(server)).projections.find(({ name }) => name === "mongodb");
}

export interface PaidIn {
  /** Until nothing was owed, or would have been. */
  readonly ms: number;
  /** Of these, until the projection said that MongoDB answers again. */
  readonly reconnectMs: number;
  /** False: the time was up, and this is extrapolated from what was paid by then. */
  readonly isWhole: boolean;
}

/** Waits until nothing is owed, or so long. */
export async function paid(server: ServerProcess, limitMs = Number.POSITIVE_INFINITY): Promise<PaidIn> {
  const started = performance.now();
  const first = await lagOf(server);
  for (let reconnectMs: number | undefined; ; ) {
    const projection = await projectionOf(server);
    const ms = performance.now() - started;
    if (projection?.state === "running") reconnectMs ??= ms;
    const known = { reconnectMs: reconnectMs ?? ms };
    const lag = projection?.lag ?? Number.NaN;
    if (lag === 0) return { ms, ...known, isWhole: true };
    if (ms > limitMs) return { ms: (ms * first) / (first - lag), ...known, isWhole: false };
    await sleep(10);
  }
}
