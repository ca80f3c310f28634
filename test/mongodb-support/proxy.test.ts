import type { Collection } from "mongodb";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mongoTests } from "../support/mongodb/mongo-test.js";
import { MongoProxy } from "../support/mongodb/proxy.js";
import type { MongoServer } from "../support/mongodb/server.js";
import { type Counter, countOf, failureOf, increment, TIMED_OUT, until, withCounters } from "./harness.js";

const { mongoTest, controlTest } = await mongoTests();

interface Setting {
  readonly proxy: MongoProxy;
  /** By way of the proxy. */
  readonly counters: Collection<Counter>;
  /** Past the proxy. */
  readonly direct: Collection<Counter>;
}

async function withProxy(server: MongoServer, use: (setting: Setting) => Promise<void>): Promise<void> {
  const database = server.randomDatabase();
  const proxy = await MongoProxy.open(server.url);
  try {
    await withCounters(server.url, database, (direct) =>
      withCounters(proxy.url, database, async (counters) => {
        await increment(counters, "home");
        await use({ proxy, counters, direct });
      }),
    );
  } finally {
    await proxy.close();
  }
}

mongoTest("it passes everything, large bulks too", (server) =>
  withProxy(server, async ({ proxy, counters, direct }) => {
    const documents = Array.from({ length: 200 }, (_, index) => ({ _id: `${index}`, text: "x".repeat(10_000) }));
    await counters.insertMany(documents);
    assert.is((await counters.find().toArray()).length, 201);
    assert.is(await countOf(direct, "home"), 1);
    assert.ok(proxy.seen("insert") >= 1);
    assert.is(proxy.seen("UPDATE"), 1);
  }),
);

mongoTest("swallowed replies: done, and the client can't know", (server) =>
  withProxy(server, async ({ proxy, counters, direct }) => {
    proxy.swallowReplies({ commands: ["update"] });
    const lost = failureOf(increment(counters, "home"));
    await until("the server did it", async () => (await countOf(direct, "home")) === 2);
    assert.is(await countOf(counters, "home"), 2, "reads get through");
    assert.is(await lost, TIMED_OUT);
    assert.is(proxy.swallowed, 1);
    proxy.swallowReplies();
    assert.is(await failureOf(countOf(counters, "home")), TIMED_OUT);
    proxy.pass();
    await increment(counters, "home");
    assert.is(await countOf(counters, "home"), 3);
  }),
);

mongoTest("a black hole: nothing is done, and the client can't know", (server) =>
  withProxy(server, async ({ proxy, counters, direct }) => {
    proxy.blackhole({ commands: ["update"] });
    assert.is(await failureOf(increment(counters, "home")), TIMED_OUT);
    assert.is(await countOf(counters, "home"), 1, "reads get through");
    proxy.blackhole();
    assert.is.not(await failureOf(countOf(counters, "home")), "nothing");
    await withCounters(proxy.url, "any", async (other) => {
      assert.is.not(await failureOf(countOf(other, "home")), "nothing", "a new client doesn't get through either");
    });
    proxy.pass();
    await until("the driver is back", async () => (await countOf(counters, "home").catch(() => undefined)) === 1);
    assert.is(await countOf(direct, "home"), 1);
  }),
);

mongoTest("refused, and cut", (server) =>
  withProxy(server, async ({ proxy, counters, direct }) => {
    proxy.swallowReplies({ commands: ["find"] });
    const reading = failureOf(countOf(counters, "home"));
    await until("it waits", () => proxy.swallowed === 1);
    proxy.cut();
    assert.is(await reading, "MongoNetworkError");
    proxy.pass();
    await until("the driver is back", async () => (await countOf(counters, "home").catch(() => undefined)) === 1);
    proxy.refuse();
    assert.is.not(await failureOf(countOf(counters, "home")), "nothing");
    assert.is(await countOf(direct, "home"), 1);
    proxy.pass();
    await until("the driver is back", async () => (await countOf(counters, "home").catch(() => undefined)) === 1);
  }),
);

mongoTest("a held command is applied late, after its client gave up and did others", (server) =>
  withProxy(server, async ({ proxy, counters, direct }) => {
    proxy.holdRequests({ commands: ["update"] });
    assert.is(await failureOf(increment(counters, "home")), TIMED_OUT);
    assert.is(proxy.held, 1);
    assert.is(await countOf(counters, "home"), 1, "reads get through");
    proxy.pass();
    await increment(counters, "other");
    await increment(counters, "home");
    assert.is(await countOf(direct, "home"), 2);
    proxy.cut();
    await proxy.releaseHeld();
    assert.is(proxy.held, 0);
    assert.is(await countOf(direct, "home"), 3);
  }),
);

mongoTest("what is held can be dropped, or arrive in time", (server) =>
  withProxy(server, async ({ proxy, counters, direct }) => {
    proxy.holdRequests();
    const inTime = increment(counters, "home");
    await until("held", () => proxy.held === 1);
    await proxy.releaseHeld();
    await inTime;
    const never = failureOf(increment(counters, "home"));
    await until("held", () => proxy.held === 1);
    proxy.dropHeld();
    assert.is(await never, TIMED_OUT);
    assert.is(await countOf(direct, "home"), 2);
  }),
);

mongoTest("delayed requests take longer and stay in order", (server) =>
  withProxy(server, async ({ proxy, counters }) => {
    proxy.delayRequests(200);
    const started = performance.now();
    await increment(counters, "home");
    assert.ok(performance.now() - started >= 195);
    proxy.delayRequests(0);
    assert.is(await countOf(counters, "home"), 2);
  }),
);

controlTest("a server that is killed and comes back is seen so through it", (server) =>
  withProxy(server, async ({ counters }) => {
    // The stand-in writes to its file every 20 ms.
    await new Promise((resolve) => setTimeout(resolve, 200));
    await server.kill();
    assert.is.not(await failureOf(countOf(counters, "home")), "nothing");
    await server.start();
    await until("the driver is back", async () => (await countOf(counters, "home").catch(() => undefined)) === 1);
  }),
);

test.run();
