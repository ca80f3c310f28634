import { existsSync } from "node:fs";
import { connect } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mongoTests } from "../support/mongodb/mongo-test.js";
import { MongoServer } from "../support/mongodb/server.js";
import { countOf, failureOf, IMPATIENT, increment, TIMED_OUT, until, withCounters } from "./harness.js";

const { mongoTest, controlTest } = await mongoTests();

mongoTest("what is written can be read, and databases are apart", async (server) => {
  const [one, other] = [server.randomDatabase(), server.randomDatabase()];
  await withCounters(server.url, one, (counters) => increment(counters, "home"));
  assert.is(await withCounters(server.url, one, (counters) => countOf(counters, "home")), 1);
  assert.is(await withCounters(server.url, other, (counters) => countOf(counters, "home")), undefined);
});

controlTest("a clean stop keeps everything, and a restart the port", async (server) => {
  const database = server.randomDatabase();
  const { url } = server;
  await withCounters(url, database, (counters) => increment(counters, "home"));
  await server.stop();
  assert.is(server.pid, undefined);
  assert.not.ok(await listens(url));
  await server.start();
  assert.is(server.url, url);
  assert.is(await withCounters(url, database, (counters) => countOf(counters, "home")), 1);
});

controlTest("kill -9 under load keeps all but the last moments, and no half of a command", async (server) => {
  const database = server.randomDatabase();
  let acknowledged = 0;
  await withCounters(server.url, database, async (counters) => {
    const load = (async () => {
      for (;;) {
        const operations = ["a", "b"].map((_id) => ({
          updateOne: { filter: { _id }, update: { $inc: { count: 1 } }, upsert: true },
        }));
        await counters.bulkWrite(operations, { ordered: false });
        await increment(counters, `new-${acknowledged}`);
        acknowledged += 1;
      }
    })();
    let over = false;
    const ended = failureOf(load).finally(() => {
      over = true;
    });
    // A real server writes its journal for each of them, which may take a slow disk a while.
    await until("some load", () => over || acknowledged >= 200, 60);
    assert.not.ok(over, "the load continued");
    await server.kill();
    assert.is.not(await ended, "nothing");
  });
  await server.start();
  await withCounters(server.url, database, async (counters) => {
    const [a, b] = [await countOf(counters, "a"), await countOf(counters, "b")];
    assert.is(a, b);
    assert.ok(a !== undefined && a > acknowledged / 2 && a <= acknowledged + 1, `${a} of ${acknowledged}`);
    const others = await counters.countDocuments({ _id: /^new-/ });
    assert.ok(others === a || others === a - 1, `${others} documents after ${a} rounds`);
    // All of them, and those that were lost, can be written: no index knows of a document that isn't there.
    for (let index = 0; index <= acknowledged; index++) await increment(counters, `new-${index}`);
    assert.is(await counters.countDocuments({ _id: /^new-/ }), acknowledged + 1);
  });
});

controlTest("a frozen server makes a command time out, and answers again when thawed", async (server) => {
  const database = server.randomDatabase();
  await withCounters(server.url, database, async (counters) => {
    await increment(counters, "home");
    await server.freeze();
    const started = performance.now();
    assert.is(await failureOf(increment(counters, "home")), TIMED_OUT);
    assert.ok(performance.now() - started > 1000);
    server.thaw();
    await until("an answer", async () => (await failureOf(countOf(counters, "home"))) === "nothing");
    await increment(counters, "home");
    // The frozen one was in its socket. A server may do it late, though its client gave up, or notice that it did.
    assert.ok([2, 3].includes((await countOf(counters, "home")) ?? 0));
  });
});

controlTest("a frozen server can be killed and stopped", async (server) => {
  await server.freeze();
  await server.kill();
  await server.start();
  await server.freeze();
  await server.stop();
  await server.start();
});

controlTest("a copy put back is the older state, also one taken under load", async (server) => {
  const database = server.randomDatabase();
  const before = await withCounters(server.url, database, async (counters) => {
    await increment(counters, "home");
    await new Promise((resolve) => setTimeout(resolve, 200));
    let stopped = false;
    const load = (async () => {
      while (!stopped) await increment(counters, "load");
    })();
    await until("load", async () => ((await countOf(counters, "load")) ?? 0) > 20);
    const copy = await server.copyAside();
    const last = await countOf(counters, "load");
    await until("more load", async () => ((await countOf(counters, "load")) ?? 0) > (last ?? 0) + 20);
    stopped = true;
    await load;
    await increment(counters, "home");
    return { copy, last: last ?? 0 };
  });
  for (let times = 0; times < 2; times++) {
    await server.putBack(before.copy);
    await withCounters(server.url, database, async (counters) => {
      assert.is(await countOf(counters, "home"), 1);
      const load = await countOf(counters, "load");
      assert.ok(load !== undefined && load > 0 && load <= before.last, `${load} of at most ${before.last}`);
      await increment(counters, "home");
    });
  }
});

controlTest("wiped, it is empty", async (server) => {
  const database = server.randomDatabase();
  await withCounters(server.url, database, (counters) => increment(counters, "home"));
  await server.wipe();
  assert.is(await withCounters(server.url, database, (counters) => countOf(counters, "home")), undefined);
});

controlTest("a second server is another one, and leaves nothing behind", async (server) => {
  const second = await MongoServer.open(server.found);
  const { pid } = second;
  const database = server.randomDatabase();
  try {
    assert.is.not(second.url, server.url);
    await withCounters(second.url, database, (counters) => increment(counters, "home"));
    const elsewhere = await withCounters(server.url, database, (counters) => countOf(counters, "home"), IMPATIENT);
    assert.is(elsewhere, undefined);
    const { directory } = await second.copyAside();
    assert.ok(existsSync(directory));
    await second.close();
    assert.not.ok(existsSync(directory));
  } finally {
    await second.close();
  }
  assert.throws(() => process.kill(pid ?? 0, 0), /ESRCH/);
});

function listens(url: string): Promise<boolean> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  return new Promise((resolve) => {
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
  }).finally(() => socket.destroy()) as Promise<boolean>;
}

test.run();
