import { isBuiltin } from "node:module";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findServer } from "../test/support/mongodb/find-server.js";
import { MongoServer } from "../test/support/mongodb/server.js";
import { redisVersion, startRedis } from "./redis.js";
import { type Contestant, inScratch, startOurs, startPeer } from "./server.js";

/** A server in the comparison over HTTP. A new process is started for each measurement. */
export interface Entrant {
  readonly name: string;
  /** Where a hit is stored when it is answered. */
  readonly keeps: "nothing" | "log" | "database";
  start(): Promise<Contestant>;
  /** Runs between the warm-up and the measurement. */
  begin?(server: Contestant): Promise<void>;
  /** Runs after the measurement. */
  end?(): void;
}

export interface Field {
  readonly entrants: readonly Entrant[];
  readonly leftOut: readonly { readonly what: string; readonly why: string }[];
  /** Versions and kinds of the databases. */
  readonly facts: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

export const NODE_HTTP = "node:http";
export const KOA_ROUTER = "Koa + router";
const OURS = "durable-hits";

/** Finds the contestants that can run on this machine, and those that cannot. */
export async function openField(): Promise<Field> {
  const entrants: Entrant[] = [
    { name: NODE_HTTP, keeps: "nothing", start: () => startPeer("node-http.mjs") },
    { name: "Koa", keeps: "nothing", start: () => startPeer("koa.mjs") },
    { name: KOA_ROUTER, keeps: "nothing", start: () => startPeer("koa-router.mjs") },
    { name: OURS, keeps: "log", start: () => startOurs() },
  ];
  const leftOut: { what: string; why: string }[] = [];
  const redis = `${KOA_ROUTER} → Redis INCR`;
  if (redisVersion === undefined) leftOut.push({ what: redis, why: "redis-server is not on the PATH" });
  else entrants.push({ name: redis, keeps: "database", start: startOnRedis });
  const sqlite = `${KOA_ROUTER} → SQLite`;
  if (isBuiltin("node:sqlite")) entrants.push({ name: sqlite, keeps: "database", start: startOnSqlite });
  else leftOut.push({ what: sqlite, why: `Node ${process.version} has no node:sqlite` });

  const found = await findServer();
  const mongo = found === undefined ? undefined : await MongoServer.open(found);
  if (mongo === undefined) {
    leftOut.push({ what: "all with MongoDB", why: "there is neither a MongoDB server nor what its stand-in needs" });
  } else {
    entrants.push(...onMongo(mongo));
    if (!mongo.found.controllable)
      leftOut.push({ what: `${OURS}, frozen`, why: "this benchmark may not freeze this MongoDB" });
  }
  const facts = { redis: redisVersion ?? "none", mongodb: found?.kind ?? "none" };
  return { entrants, leftOut, facts, close: async () => mongo?.close() };
}

function onMongo(mongo: MongoServer): Entrant[] {
  // The stand-in speaks MongoDB's protocol, but its speed is not MongoDB's.
  const name = mongo.found.kind === "stand-in" ? "MongoDB (stand-in)" : "MongoDB";
  const database = () => ({ MONGODB_URL: mongo.url, MONGODB_DB: mongo.randomDatabase() });
  const startProjecting = () => startOurs(database());
  const entrants: Entrant[] = [
    { name: `${OURS}, projecting into ${name}`, keeps: "log", start: startProjecting, begin: waitUntilProjecting },
    {
      name: `${KOA_ROUTER} → ${name} $inc`,
      keeps: "database",
      start: () => startPeer("koa-mongodb.mjs", database()),
    },
  ];
  if (!mongo.found.controllable) return entrants;
  const frozen: Entrant = {
    name: `${OURS}, ${name} frozen`,
    keeps: "log",
    start: startProjecting,
    async begin(server) {
      await waitUntilProjecting(server);
      await mongo.freeze();
    },
    end: () => mongo.thaw(),
  };
  return [...entrants, frozen];
}

const RUNNING_WITHIN_MS = 60_000;

/** A halted projection costs nothing and proves nothing; one that a slow server has not answered in time recovers. */
async function waitUntilProjecting({ url }: Contestant): Promise<void> {
  const until = performance.now() + RUNNING_WITHIN_MS;
  for (;;) {
    const status = (await (await fetch(`${url}/status`)).json()) as { projections: { name: string; state: string }[] };
    const state = status.projections.find(({ name }) => name === "mongodb")?.state;
    if (state === "running") return;
    if (performance.now() > until) throw new Error(`the projection into MongoDB is ${state} instead of running`);
    await sleep(100);
  }
}

async function startOnRedis(): Promise<Contestant> {
  const redis = await startRedis();
  const peer = await startPeer("koa-redis.mjs", { REDIS_URL: `redis://127.0.0.1:${redis.port}` });
  return {
    ...peer,
    async stop() {
      await peer.stop();
      await redis.stop();
    },
  };
}

function startOnSqlite(): Promise<Contestant> {
  return inScratch((directory) => startPeer("koa-sqlite.mjs", { SQLITE_FILE: path.join(directory, "hits.sqlite") }));
}
