/** Collecting and projecting in two processes on one log directory. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { eventually, exactSoon } from "../projection/mongo/documents.js";
import { LedgerClient } from "../support/ledger-client.js";
import { mongoTests } from "../support/mongodb/mongo-test.js";
import { type ServerProcess, temporaryDirectory } from "../support/server-process.js";
import { collect, endRoles, spawnProjecting } from "../support/split-roles.js";

const { controlTest } = await mongoTests();
const STOP_MS = 8000;

test.after.each(endRoles);

/** A process of role `project`; resolves once it follows the log. */
async function project(environment: Record<string, string>): Promise<ChildProcess> {
  const { child, ended } = spawnProjecting(environment);
  child.stderr?.pipe(process.stderr, { end: false });
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on("data", (text: Buffer) => {
      if (text.toString("utf8").startsWith("projecting ")) resolve();
    });
    ended.then(([status]) => reject(new Error(`the projecting process ended with ${status}`)), reject);
  });
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const ended = once(child, "close");
  child.kill(signal);
  const [status] = (await ended) as [number | null];
  return status;
}

interface Projection {
  readonly name: string;
  readonly checkpoint: number;
  readonly lag: number;
  readonly state: string;
}

async function projectionOf(server: ServerProcess): Promise<{ end: number; projection: Projection | undefined }> {
  const status = (await (await fetch(`${server.url}/status`)).json()) as {
    log: { end: number };
    projections: Projection[];
  };
  return { end: status.log.end, projection: status.projections.find(({ name }) => name === "mongodb") };
}

async function hits(ledger: LedgerClient, server: ServerProcess, times: number): Promise<void> {
  await Promise.all(
    Array.from({ length: times }, (_, at) =>
      at % 10 === 0
        ? ledger.bulk(server.url, Array(50).fill(`page ${at % 7}`))
        : ledger.hit(server.url, `page ${at % 7}`),
    ),
  );
}

controlTest("each killed in turn under load, and exact; the collector shows checkpoint and lag", async (mongo) => {
  await mongo.start();
  const directory = `${temporaryDirectory()}/wal`;
  const database = mongo.randomDatabase();
  const environment = { WAL_DIR: directory, LOG_LEVEL: "silent" };
  const projecting = { ...environment, MONGODB_URL: mongo.url, MONGODB_DB: database };
  const ledger = new LedgerClient();
  let collector = await collect(environment);
  let projector = await project(projecting);
  for (let round = 0; round < 3; round++) {
    const load = hits(ledger, collector, 200);
    if (round === 0) await end(projector, "SIGKILL");
    else await collector.kill();
    await load;
    if (round === 0) projector = await project(projecting);
    else collector = await collect(environment);
    await hits(ledger, collector, 20);
    // Two epochs of the log, and the same projector over both.
    await exactSoon(mongo.url, database, [directory]);
  }
  assert.equal(ledger.unexpected, []);
  await eventually("the collector shows that all is projected", async () => {
    const { end: logEnd, projection } = await projectionOf(collector);
    return (projection?.lag === 0 && projection.checkpoint === logEnd) || { logEnd, projection };
  });
  await end(projector, "SIGKILL");
  const { projection } = await projectionOf(collector);
  await hits(ledger, collector, 1);
  await eventually("the lag is shown", async () => (await projectionOf(collector)).projection?.lag === 50);
  assert.is((await projectionOf(collector)).projection?.checkpoint, projection?.checkpoint);
  projector = await project(projecting);
  await exactSoon(mongo.url, database, [directory]);
  assert.is(await end(projector, "SIGTERM"), 0);
  assert.is((await collector.stop()).status, 0);
});

controlTest("a projecting process ends within 8 s and status 0 while MongoDB is frozen", async (mongo) => {
  await mongo.start();
  const directory = `${temporaryDirectory()}/wal`;
  const database = mongo.randomDatabase();
  const environment = { WAL_DIR: directory, LOG_LEVEL: "silent" };
  const collector = await collect(environment);
  const projector = await project({ ...environment, MONGODB_URL: mongo.url, MONGODB_DB: database });
  const ledger = new LedgerClient();
  await hits(ledger, collector, 5);
  await exactSoon(mongo.url, database, [directory]);
  await mongo.freeze();
  try {
    await hits(ledger, collector, 5);
    const started = performance.now();
    assert.is(await end(projector, "SIGTERM"), 0);
    const took = performance.now() - started;
    assert.ok(took < STOP_MS, `it took ${took} ms`);
  } finally {
    mongo.thaw();
  }
  assert.is((await collector.stop()).status, 0);
});

test.run();
