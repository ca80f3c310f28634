/** The store on a real server: its filters keep a repeated or late write from counting twice. */
import { Long } from "mongodb";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { isDamaged } from "../../../src/projection/mongo/document.js";
import { checkMongoUrl, MongoStore } from "../../../src/projection/mongo/mongo-store.js";
import { StoreError } from "../../../src/projection/mongo/store.js";
import { freePort } from "../../support/mongodb/free-port.js";
import { mongoTests } from "../../support/mongodb/mongo-test.js";
import type { MongoServer } from "../../support/mongodb/server.js";
import { documentsOf, eventually, type StoredDocument, withDatabase } from "./documents.js";

const { mongoTest } = await mongoTests();
const LOG = "abc123";

async function withStore(
  server: MongoServer,
  use: (store: MongoStore, database: string) => Promise<void>,
): Promise<void> {
  const database = server.randomDatabase();
  const store = new MongoStore({ url: server.url, database, logId: LOG, onChange: () => undefined });
  try {
    await use(store, database);
  } finally {
    await store.close();
  }
}

async function only(server: MongoServer, database: string): Promise<StoredDocument | undefined> {
  return (await documentsOf(server.url, database))[0];
}

mongoTest("each update counts once, however often it arrives", (server) =>
  withStore(server, async (store, database) => {
    const first = { name: "home", seen: "no document", next: { offset: 5, count: 3 } } as const;
    assert.is(await store.apply([first]), true);
    assert.is(await store.apply([first]), false, "an upsert once more: its key is there");
    const second = { name: "home", seen: { offset: 5, count: 3 }, next: { offset: 9, count: 4 } };
    assert.is(await store.apply([second]), true);
    assert.is(await store.apply([second]), false);
    const document = await only(server, database);
    assert.is(document?.count, 4);
    assert.equal(document?.logs, { [LOG]: { offset: 9, count: 4 } });
  }),
);

mongoTest("a correction at the same offset counts once too: the filter is on the count as well", (server) =>
  withStore(server, async (store, database) => {
    await withDatabase(server.url, database, async (db) => {
      const slot = { offset: Long.fromNumber(9), count: Long.fromNumber(1) };
      await db
        .collection<StoredDocument>("counters")
        .insertOne({ _id: "home", count: 1, logs: { [LOG]: slot } } as never);
    });
    const correction = { name: "home", seen: { offset: 9, count: 1 }, next: { offset: 9, count: 4 } };
    assert.is(await store.apply([correction]), true);
    assert.is(await store.apply([correction]), false);
    assert.is((await only(server, database))?.count, 4);
  }),
);

mongoTest("no document is created if one was seen, with or without our slot", (server) =>
  withStore(server, async (store, database) => {
    const update = { name: "home", seen: { offset: 5, count: 3 }, next: { offset: 9, count: 4 } };
    assert.is(await store.apply([update]), false);
    assert.is(await store.apply([{ ...update, seen: "absent" }]), false);
    assert.equal(await documentsOf(server.url, database), []);
  }),
);

mongoTest("of many updates those that match are applied, and the answer is that some were not", (server) =>
  withStore(server, async (store, database) => {
    const make = (name: string, count: number) => ({ name, seen: "no document", next: { offset: 5, count } }) as const;
    await store.apply([make("b", 1)]);
    assert.is(await store.apply([make("a", 1), make("b", 7), make("c", 1)]), false);
    const counts = (await documentsOf(server.url, database)).map(({ _id, count }) => `${_id} ${count}`);
    assert.equal(counts.sort(), ["a 1", "b 1", "c 1"]);
  }),
);

mongoTest(
  "a document that the server refuses to update is reported with the reason, and the others proceed",
  (server) =>
    withStore(server, async (store, database) => {
      await withDatabase(server.url, database, async (db) => {
        await db.collection<StoredDocument>("counters").insertOne({ _id: "text", count: "many", logs: {} } as never);
      });
      const sound = { name: "sound", seen: "no document", next: { offset: 5, count: 2 } } as const;
      const error = await store
        .apply([{ ...sound, name: "text", seen: "absent" }, sound])
        .catch((thrown: unknown) => thrown);
      assert.ok(error instanceof StoreError && error.kind === "documents", String(error));
      assert.equal([...error.refused.keys()], ["text"]);
      assert.match(error.refused.get("text") ?? "", /^refused by the server: .+\(\d+\)$/);
      assert.is((await documentsOf(server.url, database)).find(({ _id }) => _id === "sound")?.count, 2);
      const read = (await store.read(["text"])).get("text");
      assert.ok(read !== undefined && isDamaged(read));
    }),
);

mongoTest("numbers across 2^31 and near 2^53, and of every kind that may be stored", (server) =>
  withStore(server, async (store, database) => {
    const big = 2 ** 53 - 10;
    await store.apply([{ name: "big", seen: "no document", next: { offset: big, count: 2 ** 31 - 1 } }]);
    const next = { offset: big + 1, count: 2 ** 52 };
    assert.is(await store.apply([{ name: "big", seen: { offset: big, count: 2 ** 31 - 1 }, next }]), true);
    const read = (await store.read(["big"])).get("big");
    assert.ok(read !== undefined && !isDamaged(read));
    assert.is(read.count, 2 ** 52);
    assert.equal(read.slots.get(LOG), next);
    await withDatabase(server.url, database, async (db) => {
      const types = await db.collection<StoredDocument>("counters").countDocuments({
        count: { $type: "long" },
        [`logs.${LOG}.offset`]: { $type: "long" },
      } as never);
      assert.is(types, 1, "int64 both");
      // As a shell would write them: a double and an int32.
      const logs = { [LOG]: { offset: 7, count: 3 } };
      await db.collection<StoredDocument>("counters").insertOne({ _id: "shell", count: 3, logs } as never);
    });
    const update = { name: "shell", seen: { offset: 7, count: 3 }, next: { offset: 9, count: 4 } };
    assert.is(await store.apply([update]), true);
  }),
);

mongoTest("a wrong sum is corrected, but only while the document is still as seen", (server) =>
  withStore(server, async (store, database) => {
    await store.apply([{ name: "home", seen: "no document", next: { offset: 5, count: 3 } }]);
    const set = (count: number) =>
      withDatabase(server.url, database, async (db) => {
        await db
          .collection<StoredDocument>("counters")
          .updateOne({ _id: "home" }, { $set: { count: Long.fromNumber(count) } } as never);
      });
    await set(50);
    const seen = (await store.read(["home"])).get("home");
    assert.ok(seen !== undefined && !isDamaged(seen));
    await store.setSum({ ...seen, slots: new Map([[LOG, { offset: 5, count: 4 }]]) });
    assert.is((await only(server, database))?.count, 50);
    await store.setSum(seen);
    assert.is((await only(server, database))?.count, 3);
  }),
);

mongoTest("a checkpoint is moved only from the one that was seen", (server) =>
  withStore(server, async (store) => {
    const [one, two] = [
      { offset: 1, epoch: 1, nonce: "a" },
      { offset: 2, epoch: 1, nonce: "a" },
    ];
    assert.is(await store.readCheckpoint(), undefined);
    assert.is(await store.writeCheckpoint(one, two), false);
    assert.is(await store.writeCheckpoint(undefined, one), true);
    assert.is(await store.writeCheckpoint(undefined, two), false);
    assert.is(await store.writeCheckpoint({ ...one, nonce: "b" }, two), false);
    assert.is(await store.writeCheckpoint({ ...one, epoch: 2 }, two), false);
    assert.is(await store.writeCheckpoint(one, two), true);
    assert.equal(await store.readCheckpoint(), two);
    assert.is(await store.hasOtherLogs(), false);
  }),
);

mongoTest("documents page by name, and by their time of change", (server) =>
  withStore(server, async (store) => {
    await store.prepare();
    const names = ["a", "b", "c", "d", "é"];
    for (const name of names) await store.apply([{ name, seen: "no document", next: { offset: 1, count: 1 } }]);
    const scanned: string[] = [];
    for (let after: string | undefined, first = true; first || after !== undefined; first = false) {
      const page = await store.scan(after, 2);
      scanned.push(...page.documents.map(({ name }) => name));
      after = page.next;
    }
    assert.equal(scanned, names);
    const first = await store.changedSince({ at: new Date(0), name: "" }, 3);
    assert.ok(first.next !== undefined);
    const rest = await store.changedSince(first.next, 3);
    // One may come twice, if a server's times are finer than a driver's; none may be left out.
    const changed = new Set([...first.documents, ...rest.documents].map(({ name }) => name));
    assert.equal([...changed].sort(), names);
  }),
);

test("a server that stays away is reported once, not with every heartbeat; each call ends in time", async () => {
  let changes = 0;
  const url = `mongodb://user:secret@127.0.0.1:${await freePort()}/?directConnection=true`;
  const store = new MongoStore({ url, database: "x", logId: LOG, onChange: () => changes++ });
  try {
    const error = await store.readCheckpoint().catch((thrown: unknown) => thrown);
    assert.ok(error instanceof StoreError && error.kind === "transient");
    assert.not.match(error.message, /secret/);
    assert.ok(changes <= 2, `${changes} changes while it was away`);
  } finally {
    await store.close();
  }
});

mongoTest("a store whose first connection failed connects later", async (server) => {
  const { MongoProxy } = await import("../../support/mongodb/proxy.js");
  const proxy = await MongoProxy.open(server.url);
  proxy.refuse();
  const store = new MongoStore({
    url: proxy.url,
    database: server.randomDatabase(),
    logId: LOG,
    onChange: () => undefined,
  });
  try {
    const error = await store.readCheckpoint().catch((thrown: unknown) => thrown);
    assert.ok(error instanceof StoreError);
    proxy.pass();
    await eventually("it answers", async () => (await store.readCheckpoint()) === undefined);
  } finally {
    await store.close();
    await proxy.close();
  }
});

test("a URL that can't be parsed is refused without its secrets", () => {
  assert.throws(
    () => checkMongoUrl("mongodb://user:secret@:::"),
    (error: Error) => !error.message.includes("secret"),
  );
  checkMongoUrl("mongodb://user:secret@host/db");
});

test.run();
