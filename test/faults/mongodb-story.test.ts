/** The story of the talk, on real processes: MongoDB killed, frozen and back, our own process killed in between. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { LogDirectory } from "../../src/wal/log-directory.js";
import { readRegistrations } from "../../src/wal/registrations.js";
import { audit, eventually, exactSoon } from "../projection/mongo/documents.js";
import { mongoTests } from "../support/mongodb/mongo-test.js";
import { MongoProxy } from "../support/mongodb/proxy.js";
import { type ServerProcess, temporaryDirectory } from "../support/server-process.js";
import { trackedServers } from "../support/tracked-servers.js";

const { controlTest } = await mongoTests();

/** Generous: these answer in milliseconds, and the driver's shortest time-out is longer. */
const AT_ONCE_MS = 1900;
const STOP_MS = 8000;

interface Counter {
  readonly count: number;
  readonly projected: number;
  readonly pending: number;
  readonly asOf: string | null;
}

interface Status {
  readonly projections: readonly { name: string; state: string; lag: number; lastError: string | null }[];
}

const start = trackedServers();

/** An answer that came at once, or an error. */
async function get(url: string, options: RequestInit = {}): Promise<Response> {
  return await fetch(url, { ...options, signal: AbortSignal.timeout(AT_ONCE_MS) });
}

async function count(server: ServerProcess, times: number): Promise<number> {
  let last = 0;
  for (let at = 0; at < times; at++) {
    const response = await get(`${server.url}/hits/home`, { method: "POST" });
    assert.is(response.status, 202);
    last = ((await response.json()) as Counter).count;
  }
  return last;
}

async function shown(server: ServerProcess): Promise<Counter> {
  return (await (await get(`${server.url}/counters/home`)).json()) as Counter;
}

async function projection(server: ServerProcess): Promise<Status["projections"][number] | undefined> {
  const status = (await (await get(`${server.url}/status`)).json()) as Status;
  return status.projections.find(({ name }) => name === "mongodb");
}

/** Each of these, while MongoDB answers nothing; the first event of a stream too. */
async function everythingAnswers(server: ServerProcess, when: string): Promise<void> {
  const started = performance.now();
  for (const where of ["/counters/home", "/counters?limit=10", "/?peek", "/status", "/readyz", "/healthz"]) {
    const response = await get(server.url + where);
    assert.is(response.status, 200, `${where} ${when}`);
    await response.text();
  }
  const events = await get(`${server.url}/events?counter=home`);
  const reader = events.body?.getReader();
  const first = await reader?.read();
  assert.match(Buffer.from(first?.value ?? []).toString("utf8"), /"count":\d+/, `an event ${when}`);
  await reader?.cancel();
  assert.ok(performance.now() - started < 7 * AT_ONCE_MS);
}

controlTest(
  "killed, frozen, our own process killed, all back: no request waits, and MongoDB ends exact",
  async (mongo) => {
    await mongo.start();
    const directory = `${temporaryDirectory()}/wal`;
    const database = mongo.randomDatabase();
    const environment = { WAL_DIR: directory, MONGODB_URL: mongo.url, MONGODB_DB: database };
    let server = await start(environment);
    assert.is(await count(server, 10), 10);
    await eventually("all projected", async () => (await shown(server)).projected === 10);
    assert.equal(await audit(mongo.url, database, [directory]), []);

    await mongo.kill();
    assert.is(await count(server, 10), 20);
    await everythingAnswers(server, "while MongoDB is away");
    await eventually("the outage is seen", async () => (await projection(server))?.state === "retrying");
    assert.is((await shown(server)).count, 20);
    assert.is((await shown(server)).pending, 10);

    await mongo.start();
    await eventually("projected again", async () => (await shown(server)).projected === 20);
    // The log directory records that at intervals, and only from it does a restart know while MongoDB is frozen.
    await eventually("recorded", async () => (await readRegistrations(new LogDirectory(directory)))[0]?.hits === 20);
    await count(server, 3);
    await mongo.freeze();
    assert.is(await count(server, 7), 30);
    await everythingAnswers(server, "while MongoDB is frozen");

    const before = await shown(server);
    await server.kill();
    const restarted = performance.now();
    server = await start(environment);
    assert.ok(performance.now() - restarted < 5000, "a start waits for nothing");
    const after = await shown(server);
    assert.is(after.count, before.count, "the count is the same after a kill -9 in the outage");
    assert.ok(after.projected <= after.count && after.projected >= 20, `projected ${after.projected}`);
    assert.is(await count(server, 10), 40);
    await everythingAnswers(server, "after a restart while MongoDB is frozen");
    await eventually("the outage is seen", async () => (await projection(server))?.lastError !== null);

    mongo.thaw();
    await eventually("caught up", async () => (await shown(server)).projected === 40);
    await exactSoon(mongo.url, database, [directory]);
    assert.is((await server.stop()).status, 0);
    assert.equal(await audit(mongo.url, database, [directory]), []);
  },
);

controlTest(
  "SIGTERM while MongoDB is frozen: status 0 within 8 s, and the next start brings the rest",
  async (mongo) => {
    await mongo.start();
    const directory = `${temporaryDirectory()}/wal`;
    const database = mongo.randomDatabase();
    const environment = { WAL_DIR: directory, MONGODB_URL: mongo.url, MONGODB_DB: database };
    let server = await start(environment);
    await count(server, 5);
    await eventually("projected", async () => (await shown(server)).projected === 5);
    await mongo.freeze();
    await count(server, 5);
    const started = performance.now();
    const ended = await server.stop();
    assert.is(ended.status, 0, ended.stderr);
    assert.ok(performance.now() - started < STOP_MS, `the stop took ${performance.now() - started} ms`);
    mongo.thaw();
    server = await start(environment);
    await exactSoon(mongo.url, database, [directory]);
    assert.is((await shown(server)).count, 10);
    await server.stop();
  },
);

controlTest("SIGTERM while MongoDB is slow and much is pending: status 0 within 8 s", async (mongo) => {
  await mongo.start();
  const proxy = await MongoProxy.open(mongo.url);
  try {
    proxy.delayRequests(50);
    const directory = `${temporaryDirectory()}/wal`;
    const database = { MONGODB_URL: proxy.url, MONGODB_DB: mongo.randomDatabase(), PROJECTION_MAX_OPS: "1" };
    const server = await start({ WAL_DIR: directory, ...database });
    const body = Array.from({ length: 1000 }, (_, i) => JSON.stringify({ counter: `page ${i}` })).join("\n");
    const headers = { "Content-Type": "application/x-ndjson" };
    assert.is((await get(`${server.url}/hits`, { method: "POST", headers, body })).status, 202);
    await eventually("some are projected", async () => {
      const { state, lag } = (await projection(server)) ?? { state: "", lag: 0 };
      return state === "running" && lag > 0 && lag < 1000;
    });
    const started = performance.now();
    const ended = await server.stop();
    assert.is(ended.status, 0, ended.stderr);
    assert.ok(performance.now() - started < STOP_MS, `the stop took ${performance.now() - started} ms`);
  } finally {
    await proxy.close();
  }
});

controlTest("a start with MongoDB away: at once, and it is found when it comes", async (mongo) => {
  await mongo.kill();
  const directory = `${temporaryDirectory()}/wal`;
  const database = mongo.randomDatabase();
  const started = performance.now();
  const server = await start({ WAL_DIR: directory, MONGODB_URL: mongo.url, MONGODB_DB: database });
  assert.ok(performance.now() - started < 5000);
  assert.is(await count(server, 3), 3);
  const { projected, pending, asOf } = await shown(server);
  assert.equal({ projected, pending, asOf }, { projected: 0, pending: 3, asOf: null });
  // Not before a first attempt has failed: a driver may give up for good after that.
  await eventually("an attempt has failed", async () => (await projection(server))?.lastError !== null);
  await mongo.start();
  await exactSoon(mongo.url, database, [directory]);
  assert.is((await server.stop()).status, 0);
});

test.run();
