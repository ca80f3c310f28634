/** The projection with the real driver on a real server, with faults of the network and of the server. */
import { cpSync } from "node:fs";
import { type Collection, type Document, Long } from "mongodb";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mongoTests } from "../../support/mongodb/mongo-test.js";
import { MongoProxy } from "../../support/mongodb/proxy.js";
import type { MongoServer } from "../../support/mongodb/server.js";
import { temporaryDirectory } from "../../support/server-process.js";
import { audit, auditDays, documentsOf, eventually, exactSoon, withDatabase } from "./documents.js";
import { openLocal, type RealRun, run } from "./real-run.js";

const { mongoTest, controlTest } = await mongoTests();

const runs: RealRun[] = [];
test.after.each(async () => {
  for (const { projection } of runs.splice(0)) await projection.stop(0).catch(() => undefined);
});

async function started(...parameters: Parameters<typeof run>): Promise<RealRun> {
  const found = await run(...parameters);
  runs.push(found);
  return found;
}

async function withProxy(server: MongoServer, use: (proxy: MongoProxy) => Promise<void>): Promise<void> {
  const proxy = await MongoProxy.open(server.url);
  try {
    await use(proxy);
  } finally {
    await proxy.close();
  }
}

mongoTest("updates whose answers are lost after the server applied them", (server) =>
  withProxy(server, async (proxy) => {
    const local = await openLocal();
    const database = server.randomDatabase();
    await started(local, proxy.url, database);
    await local.log.hit("home", 3);
    await exactSoon(server.url, database, [local.directory]);
    proxy.swallowReplies({ commands: ["update"] });
    await local.log.hit("home", 4);
    await local.log.hit("new", 2);
    await eventually("an answer is lost", () => proxy.swallowed > 0);
    await local.log.hit("home", 5);
    await eventually("it is given up", () => runs.at(-1)?.status?.state === "retrying");
    proxy.pass();
    await exactSoon(server.url, database, [local.directory]);
    await local.log.close();
  }),
);

mongoTest("an update that arrives after its projection has ended and another has done its work", (server) =>
  withProxy(server, async (proxy) => {
    const local = await openLocal();
    const database = server.randomDatabase();
    const first = await started(local, proxy.url, database);
    await local.log.hit("home", 3);
    await exactSoon(server.url, database, [local.directory]);
    proxy.holdRequests({ commands: ["update"] });
    await local.log.hit("home", 4);
    await local.log.hit("new", 2);
    await eventually("it is on its way", () => proxy.held > 0);
    proxy.cut();
    const ended = first.projection.stop(0);
    const second = await started(local, server.url, database);
    await exactSoon(server.url, database, [local.directory]);
    await proxy.releaseHeld();
    assert.equal(await audit(server.url, database, [local.directory]), []);
    await local.log.hit("new", 1);
    await exactSoon(server.url, database, [local.directory]);
    await ended;
    assert.is(second.status?.blocked.size, 0);
    await local.log.close();
  }),
);

mongoTest("counters' days: answers lost, documents removed and put back, and another log", (server) =>
  withProxy(server, async (proxy) => {
    const local = await openLocal();
    const database = server.randomDatabase();
    const at = Date.UTC(2026, 0, 2, 3, 30);
    const exact = async () => {
      const lines = await auditDays(server.url, database, local.directory);
      return lines.length === 0 ? true : lines.slice(0, 5);
    };
    await started(local, proxy.url, database);
    await local.log.recordAll([
      { counter: "home", n: 5, at },
      { counter: "a b", n: 1, at },
      { counter: "home", n: 2, at: at + 3_600_000 },
    ]);
    await local.log.hit("home", 3);
    await eventually("all days are there", exact);
    proxy.swallowReplies({ commands: ["update"] });
    await local.log.record({ counter: "home", n: 4, at });
    await eventually("an answer is lost", () => proxy.swallowed > 0);
    await local.log.record({ counter: "new", n: 1, at: at + 86_400_000 });
    proxy.pass();
    await eventually("applied once", exact);
    const days = <T>(use: (collection: Collection<Document & { _id: string }>) => Promise<T>) =>
      withDatabase(server.url, database, (db) => use(db.collection<Document & { _id: string }>("series")));
    await days(async (collection) => {
      const other = { offset: Long.fromNumber(3), count: Long.fromNumber(2) };
      await collection.updateOne({ _id: "2026-01-02 home" }, { $set: { "logs.other": other }, $inc: { count: 2 } });
      await collection.deleteOne({ _id: "2026-01-03 new" });
      const old = { [`logs.${local.log.log.id}`]: { offset: Long.fromNumber(1), count: Long.fromNumber(0) } };
      await collection.updateOne({ _id: "2026-01-02 a b" }, { $set: { count: Long.fromNumber(0), ...old } });
    });
    await runs.pop()?.projection.stop(0);
    await started(local, server.url, database);
    await eventually("a new start looks at every document", exact);
    const keys = await days(async (collection) =>
      (await collection.indexes()).map(({ key }) => Object.keys(key).join()),
    );
    assert.ok(keys.includes("counter,day"), keys.join(" "));
    await local.log.close();
  }),
);

controlTest("put back to an older copy: idle, under load, and while nothing of ours runs", async (server) => {
  await server.start();
  const local = await openLocal();
  const database = server.randomDatabase();
  const running = await started(local, server.url, database);
  await local.log.hit("home", 3);
  await local.log.hit("old", 3);
  await exactSoon(server.url, database, [local.directory]);
  const copy = await server.copyAside();
  await local.log.hit("home", 4);
  await local.log.hit("new", 2);
  await exactSoon(server.url, database, [local.directory]);
  await server.putBack(copy);
  await exactSoon(server.url, database, [local.directory]);

  let busy = true;
  const load = (async () => {
    for (let at = 0; busy; at++) await local.log.hit(`page ${at % 5}`, 2);
  })();
  await eventually("some of it is there", async () => (await documentsOf(server.url, database)).length >= 6);
  await server.putBack(copy);
  await eventually("projected again", async () => (await documentsOf(server.url, database)).length >= 7);
  busy = false;
  await load;
  await exactSoon(server.url, database, [local.directory]);

  await running.projection.stop(1500);
  await server.putBack(copy);
  await started(local, server.url, database);
  await exactSoon(server.url, database, [local.directory]);
  await local.log.close();
});

controlTest("emptied and restarted while we run, dropped while it runs", async (server) => {
  await server.start();
  const local = await openLocal();
  const database = server.randomDatabase();
  await started(local, server.url, database);
  await local.log.hit("home", 3);
  await exactSoon(server.url, database, [local.directory]);
  await server.wipe();
  await exactSoon(server.url, database, [local.directory]);
  // No connection breaks and there is no event: the checkpoint is found missing.
  await withDatabase(server.url, database, (db) => db.dropDatabase());
  await exactSoon(server.url, database, [local.directory]);
  await local.log.close();
});

mongoTest("documents older than the checkpoint: found by the scrub", async (server) => {
  const local = await openLocal();
  const database = server.randomDatabase();
  const running = await started(local, server.url, database);
  await local.log.hit("home", 3);
  await local.log.hit("gone", 3);
  await exactSoon(server.url, database, [local.directory]);
  const before = await documentsOf(server.url, database);
  await local.log.hit("home", 4);
  await exactSoon(server.url, database, [local.directory]);
  await running.projection.stop(1500);
  await withDatabase(server.url, database, async (db) => {
    const home = before.find(({ _id }) => _id === "home");
    await db.collection<{ _id: string }>("counters").replaceOne({ _id: "home" }, { ...home });
    await db.collection<{ _id: string }>("counters").deleteOne({ _id: "gone" });
  });
  await started(local, server.url, database);
  await exactSoon(server.url, database, [local.directory]);
  await local.log.close();
});

mongoTest(
  "a copy of the directory started beside the original: one halts with the reason, and both accept hits",
  async (server) => {
    const local = await openLocal();
    const database = server.randomDatabase();
    await started(local, server.url, database);
    await local.log.hit("home", 3);
    await exactSoon(server.url, database, [local.directory]);
    const copy = `${temporaryDirectory()}/wal`;
    cpSync(local.directory, copy, { recursive: true });
    const twin = await openLocal(copy);
    assert.is(twin.log.log.id, local.log.log.id);
    await started(twin, server.url, database);
    await twin.log.hit("home", 1);
    await eventually("one is halted", () => runs.some(({ status }) => status?.state === "halted"));
    const halted = runs.filter(({ status }) => status?.state === "halted");
    assert.is(halted.length, 1);
    assert.match(halted[0]?.status?.lastError ?? "", /nonce .* wal fork$/);
    await Promise.all([local.log.hit("home", 1), twin.log.hit("home", 1)]);
    await Promise.all([local.log.close(), twin.log.close()]);
  },
);

mongoTest(
  "two logs, one MongoDB: each sees the other's hits within two seconds, before its own first hit too",
  async (server) => {
    const [one, two] = [await openLocal(), await openLocal()];
    const database = server.randomDatabase();
    const first = await started(one, server.url, database);
    await one.log.hit("home", 3);
    await exactSoon(server.url, database, [one.directory]);
    const second = await started(two, server.url, database);
    await eventually("seen without a hit of its own", () => second.remote.get("home") === 3, 7);
    await two.log.hit("home", 4);
    await two.log.hit("theirs", 1);
    // It checks for other logs at intervals, until there are some.
    await eventually("seen at all", () => first.remote.get("home") === 4, 8);
    const since = performance.now();
    await two.log.hit("home", 5);
    await one.log.hit("home", 1);
    await eventually("seen by both", () => first.remote.get("home") === 9 && second.remote.get("home") === 4, 5);
    assert.ok(performance.now() - since < 2000, `after ${performance.now() - since} ms`);
    assert.is(first.remote.get("theirs"), 1);
    await exactSoon(server.url, database, [one.directory, two.directory]);
    await Promise.all([one.log.close(), two.log.close()]);
  },
);

test.run();
