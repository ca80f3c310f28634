import { setTimeout as sleep } from "node:timers/promises";
import { findServer } from "../test/support/mongodb/find-server.js";
import { MongoServer } from "../test/support/mongodb/server.js";
import { ServerProcess } from "../test/support/server-process.js";
import { sendHits } from "./send-hits.js";

/** Runs `body` with a MongoDB of its own that it may freeze. Without one it prints so and returns no rows. */
export async function withMongo<T>(body: (mongo: MongoServer) => Promise<readonly T[]>): Promise<readonly T[]> {
  const found = await findServer();
  if (found === undefined || !found.controllable) {
    console.log("left out: there is no MongoDB server that this benchmark may stop");
    return [];
  }
  const mongo = await MongoServer.open(found);
  try {
    return await body(mongo);
  } finally {
    await mongo.close();
  }
}

/** Starts our server as built, with a log in this directory. */
export function startProjecting(directory: string, url: string): Promise<ServerProcess> {
  return ServerProcess.start({
    WAL_DIR: directory,
    WAL_SEGMENT_BYTES: "64MiB",
    MAX_COUNTERS: "2000000",
    MONGODB_URL: url,
    LOG_LEVEL: "fatal",
  });
}

export interface Backlog {
  readonly server: ServerProcess;
  readonly mongo: MongoServer;
  readonly hits: number;
  readonly counters: number;
}

/**
 * Freezes MongoDB and counts this many hits meanwhile. It is frozen, not killed: a starting server takes much of the machine,
 * which is not what is measured.
 */
export async function buildBacklog({ server, mongo, hits, counters }: Backlog): Promise<void> {
  await mongo.freeze();
  await sendHits(server.url, hits, counters);
  const lag = await lagOf(server);
  if (lag < hits) throw new Error(`${hits} hits should be pending, and ${lag} are`);
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

export interface CatchUp {
  /** Time until nothing was pending, or would have been. */
  readonly ms: number;
  /** The part of it until the projection reported that MongoDB answers again. */
  readonly reconnectMs: number;
  /** False: time ran out, and `ms` is extrapolated from what had been projected by then. */
  readonly isComplete: boolean;
}

/** Waits until nothing is pending, or until time runs out. */
export async function waitUntilCaughtUp(server: ServerProcess, limitMs = Number.POSITIVE_INFINITY): Promise<CatchUp> {
  const started = performance.now();
  const first = await lagOf(server);
  for (let reconnectMs: number | undefined; ; ) {
    const projection = await projectionOf(server);
    const ms = performance.now() - started;
    if (projection?.state === "running") reconnectMs ??= ms;
    const known = { reconnectMs: reconnectMs ?? ms };
    const lag = projection?.lag ?? Number.NaN;
    if (lag === 0) return { ms, ...known, isComplete: true };
    if (ms > limitMs) return { ms: (ms * first) / (first - lag), ...known, isComplete: false };
    await sleep(10);
  }
}
