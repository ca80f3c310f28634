import { test } from "uvu";
import * as assert from "uvu/assert";
import { runProjector } from "../../../src/projection/mongo/run-projector.js";
import { freePort } from "../../support/mongodb/free-port.js";
import { mongoTests } from "../../support/mongodb/mongo-test.js";
import type { MongoServer } from "../../support/mongodb/server.js";
import { Audited, kinds, runAudit } from "./audit-harness.js";
import { append, inDirectory, openLog, rotatedLog } from "./harness.js";

const { mongoTest, controlTest } = await mongoTests();

/** A log with 3 hits of `a` at offset 0, 2 of `b` at 1, one more of `a` at 2; a database that has all of them. */
async function inProjected(
  server: MongoServer,
  body: (database: Audited, logId: string, directory: string) => Promise<void>,
): Promise<void> {
  await inDirectory(async (directory) => {
    const log = await openLog(directory);
    await append(log, [{ counter: "a", n: 3 }]);
    await append(log, [
      { counter: "b", n: 2 },
      { counter: "a", n: 1 },
    ]);
    const logId = log.id;
    await log.close();
    const database = new Audited(server, directory);
    try {
      await database.put("a", { [logId]: [3, 4] });
      await database.put("b", { [logId]: [3, 2], other: [70, 5] });
      await database.put("elsewhere", { other: [70, 9] });
      await database.checkpoint(logId, 3);
      await body(database, logId, directory);
    } finally {
      await database.close();
    }
  });
}

mongoTest("exact, with other logs' slots beside", async (server) => {
  await inProjected(server, async (database, logId) => {
    assert.equal(await database.audit(), {
      exact: true,
      log: logId,
      from: 0,
      end: 3,
      checkpoint: { offset: 3, epoch: 1 },
      documents: 3,
      checked: 3,
      series: { documents: 0, checked: 0 },
      pending: 0,
      pendingCounters: 0,
      differing: [],
      unjudged: [],
    });
  });
});

mongoTest("a slot that was changed by hand differs, by one up or down", async (server) => {
  await inProjected(server, async (database, logId) => {
    for (const count of [3, 5]) {
      await database.put("a", { [logId]: [3, count] });
      const found = await database.audit();
      const difference = { counter: "a", kind: "slot", offset: 3, expected: 4, bound: "exactly", found: count };
      assert.equal(found.differing, [difference]);
      const { stdout } = await runAudit(database.environment);
      assert.match(stdout, `slot: a, offset 3: expected 4, found ${count}\ndiffers: 1 finding: 3 counters compared`);
    }
    // An older slot is right if it has the log's total then; that hides nothing: the checkpoint shows what is missing.
    await database.put("a", { [logId]: [1, 3] });
    assert.equal((await database.audit()).differing, [
      { counter: "a", kind: "missing", offset: 3, expected: 4, bound: "at least", found: 3 },
    ]);
  });
});

mongoTest("a count that is not the sum of the slots differs, in documents of other logs too", async (server) => {
  await inProjected(server, async (database, logId) => {
    await database.put("a", { [logId]: [3, 4] }, { count: 5 });
    await database.put("elsewhere", { other: [70, 9] }, { count: 8 });
    const found = await database.audit();
    assert.equal(kinds(found), ["sum a", "sum elsewhere"]);
    assert.equal(
      found.differing.map(({ expected, found }) => [expected, found]),
      [
        [4, 5],
        [9, 8],
      ],
    );
  });
});

mongoTest("hits below the checkpoint that MongoDB lacks differ: no document, no slot", async (server) => {
  await inProjected(server, async (database) => {
    await database.counters.deleteOne({ _id: "a" });
    await database.put("b", { other: [70, 5] });
    const found = await database.audit();
    assert.equal(kinds(found), ["missing a", "missing b"]);
    assert.is(found.checked, 3);
  });
});

mongoTest("a slot or a checkpoint past the end of the log differs", async (server) => {
  await inProjected(server, async (database, logId) => {
    await database.put("a", { [logId]: [4, 4] });
    assert.equal((await database.audit()).differing, [
      { counter: "a", kind: "beyond", offset: 4, expected: 3, bound: "at most", found: 4 },
    ]);
    await database.put("a", { [logId]: [3, 4] });
    await database.checkpoint(logId, 9);
    assert.equal((await database.audit()).differing, [
      { counter: null, kind: "checkpoint", offset: 9, expected: 3, bound: "at most", found: 9 },
    ]);
  });
});

mongoTest("damaged documents differ, with the reason", async (server) => {
  await inProjected(server, async (database, logId) => {
    await database.put("a", { [logId]: [3, 4] }, { count: "4" });
    await database.put("b", {}, { logs: [] });
    await database.put("odd\u202e", {}, { logs: { [logId]: { offset: 1.5, count: "\u009b" } } });
    const found = await database.audit();
    assert.equal(kinds(found), ["document a", "document b", "document odd\u202e"]);
    assert.match(String(found.differing[0]?.found), /count must be an integer, got "4"/);
    const { stdout } = await runAudit(database.environment);
    assert.not.match(stdout, /[\u009b\u202e]/);
  });
});

mongoTest("what is only owed is pending, and no difference", async (server) => {
  await inProjected(server, async (database, logId, directory) => {
    const log = await openLog(directory);
    await append(log, [
      { counter: "b", n: 7 },
      { counter: "new", n: 10 },
    ]);
    await log.close();
    const { exact, pending, pendingCounters, checked } = await database.audit();
    assert.equal([exact, pending, pendingCounters, checked], [true, 17, 2, 4]);
    await database.counters.deleteMany({});
    assert.is((await database.audit()).exact, false);
    await database.checkpoint(logId, 0);
    const afterwards = await database.audit();
    assert.equal([afterwards.exact, afterwards.pending, afterwards.documents], [true, 23, 0]);
  });
});

mongoTest("more documents than one page", async (server) => {
  await inProjected(server, async (database, logId) => {
    const logs = { other: { offset: 1, count: 1 } };
    const many = Array.from({ length: 2500 }, (_, index) => ({ _id: `c${index}`, count: 1, logs }));
    await database.counters.insertMany(many);
    await database.put("c2499", { other: [1, 1], [logId]: [3, 1] });
    const found = await database.audit();
    assert.is(found.documents, 2503);
    assert.equal(kinds(found), ["slot c2499"]);
  });
});

mongoTest("a live log, projected while it is looked at, never seems to differ", async (server) => {
  await inDirectory(async (directory) => {
    const log = await openLog(directory);
    await append(log, [{ counter: "c0", n: 1 }]);
    const database = new Audited(server, directory);
    const projection = await runProjector({
      directory,
      logId: log.id,
      url: server.url,
      database: database.name,
      maxOps: 100,
      durableEnd: () => log.end,
      remote: new Map(),
      onReport: () => undefined,
      onReady: () => undefined,
    });
    let [isDone, hits] = [false, 1];
    const writer = (async () => {
      for (let round = 1; !isDone; round++) {
        await append(log, [
          { counter: `c${round % 50}`, n: 1 + (round % 3) },
          { counter: "c0", n: 1 },
        ]);
        hits += 2 + (round % 3);
      }
    })();
    try {
      for (let look = 0; look < 10; look++) {
        const { status, stdout, stderr } = await runAudit(database.environment);
        assert.is(status, 0, stdout + stderr);
        assert.match(stdout, /^exact: /);
      }
    } finally {
      isDone = true;
      await writer;
      await projection.stop(10_000);
      await log.close();
    }
    const { exact, pending } = await database.audit();
    assert.equal([exact, pending], [true, 0]);
    const documents = await database.counters.find().toArray();
    assert.is(
      documents.reduce((sum, document) => sum + Number(document["count"]), 0),
      hits,
    );
    await database.close();
  });
});

controlTest("MongoDB that hangs: exit status 2 within ten seconds", async (server) => {
  await inProjected(server, async (database) => {
    await server.freeze();
    try {
      await refused(database.environment, 2);
    } finally {
      server.thaw();
    }
    assert.is((await database.audit()).exact, true);
  });
});

test("no MongoDB, or none that answers: exit status 2, one line without secrets", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const WAL_DIR = directory;
    const nobody = `127.0.0.1:${await freePort()}`;
    assert.match(await refused({ WAL_DIR }, 2), "MONGODB_URL is not set");
    for (const url of [
      "http://user:hunter2@example.com",
      `mongodb://user:hunter2@${nobody}`,
      "mongodb://user:hunter2@/x",
      "mongodb://user:hunter2@host:99999",
      `mongodb://user:hunter2@${nobody}/?nope=1`,
    ]) {
      assert.not.match(await refused({ WAL_DIR, MONGODB_URL: url }, 2), "hunter2");
    }
  });
});

test("no log to compare with: exit status 2", async () => {
  await inDirectory(async (directory) => {
    const MONGODB_URL = `mongodb://127.0.0.1:${await freePort()}`;
    assert.match(await refused({ WAL_DIR: directory, MONGODB_URL }, 2), directory);
    assert.is((await runAudit({ WAL_DIR: directory, MONGODB_URL }, "--top", "3")).status, 64);
  });
});

/** Runs an audit that can't be done; its one line. */
async function refused(environment: Record<string, string>, status: number): Promise<string> {
  const started = performance.now();
  const ran = await runAudit(environment, "--json");
  assert.is(ran.status, status, ran.stderr);
  assert.is(ran.stdout, "");
  assert.match(ran.stderr, /^wal audit: [^\n]+\n$/);
  assert.ok(performance.now() - started < 10_000);
  return ran.stderr;
}

test.run();
