/** Behaviour of MongoDB that the projection relies on, on every server that it runs on; the stand-in has it, too. */
import { type Document, Long, MongoBulkWriteError, MongoClient } from "mongodb";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mongoTests } from "../support/mongodb/mongo-test.js";
import type { MongoServer } from "../support/mongodb/server.js";
import { IMPATIENT } from "./harness.js";

const { mongoTest } = await mongoTests();

interface Projected extends Document {
  _id: string;
}

async function withCollection(
  server: MongoServer,
  use: (collection: ReturnType<typeof collectionOf>) => Promise<void>,
): Promise<void> {
  const client = new MongoClient(server.url, { ...IMPATIENT, readConcern: { level: "majority" }, promoteLongs: false });
  try {
    await use(collectionOf(client, server.randomDatabase()));
  } finally {
    await client.close();
  }
}

function collectionOf(client: MongoClient, database: string) {
  return client.db(database).collection<Projected>("counters");
}

const LOG = "0b1c2d3e";
const BIG = Long.fromString("9007199254740993");

mongoTest("an upsert that counts, and takes its place in the log with it", (server) =>
  withCollection(server, async (counters) => {
    const update = {
      $inc: { count: Long.fromNumber(5), [`logs.${LOG}.count`]: Long.fromNumber(5) },
      $set: { [`logs.${LOG}.offset`]: BIG },
      $currentDate: { updatedAt: true as const },
    };
    const guard = { _id: "home", [`logs.${LOG}.offset`]: { $exists: false } };
    assert.is((await counters.updateOne(guard, update, { upsert: true })).upsertedId, "home");
    const document = await counters.findOne({ _id: "home" });
    assert.ok(document?.["updatedAt"] instanceof Date);
    const { offset, count } = document?.["logs"][LOG] ?? {};
    assert.is(`${offset} ${count} ${document?.["count"]}`, "9007199254740993 5 5");
    // The same once more: the guard doesn't match, and the id is there.
    const again = await counters
      .updateOne(guard, update, { upsert: true })
      .catch((error: { code: number }) => error.code);
    assert.is(again, 11000);
  }),
);

mongoTest("filters on an offset and a count are exact for 64 bits", (server) =>
  withCollection(server, async (counters) => {
    await counters.insertOne({ _id: "home", logs: { [LOG]: { offset: BIG, count: Long.fromNumber(7) } } });
    const matching = async (offset: unknown) =>
      counters.countDocuments({ _id: "home", [`logs.${LOG}.offset`]: offset });
    assert.is(await matching(BIG), 1);
    assert.is(await matching(BIG.sub(1)), 0);
    assert.is(await matching({ $lt: BIG }), 0);
    assert.is(await matching({ $gte: BIG }), 1);
    const filter = { _id: "home", [`logs.${LOG}.offset`]: BIG, [`logs.${LOG}.count`]: Long.fromNumber(7) };
    const next = { $set: { [`logs.${LOG}.offset`]: BIG.add(1) } };
    assert.is((await counters.updateOne(filter, next)).modifiedCount, 1);
    assert.is((await counters.updateOne(filter, next)).matchedCount, 0);
  }),
);

mongoTest("of an unordered bulk all is done but what fails, and that is reported", (server) =>
  withCollection(server, async (counters) => {
    await counters.insertOne({ _id: "b", at: Long.fromNumber(2) });
    const operations = ["a", "b", "c", "b", "d"].map((_id) => ({
      updateOne: { filter: { _id, at: Long.ONE }, update: { $inc: { count: Long.ONE } }, upsert: true },
    }));
    const error: unknown = await counters.bulkWrite(operations, { ordered: false }).catch((reason: unknown) => reason);
    if (!(error instanceof MongoBulkWriteError)) throw new Error(`not a bulk error: ${error}`);
    const failed = [error.writeErrors].flat().map(({ index, code }) => `${index} ${code}`);
    assert.equal(failed, ["1 11000", "3 11000"]);
    assert.equal(error.result.upsertedIds, { 0: "a", 2: "c", 4: "d" });
    assert.is(await counters.countDocuments({ count: Long.ONE }), 3);
  }),
);

mongoTest("what changed since, in order, by an index", (server) =>
  withCollection(server, async (counters) => {
    await counters.createIndex({ updatedAt: 1 });
    await counters.createIndex({ updatedAt: 1 });
    const documents = [3, 1, 2].map((day) => ({ _id: `${day}`, updatedAt: new Date(Date.UTC(2026, 0, day)) }));
    await counters.insertMany(documents);
    const since = new Date(Date.UTC(2026, 0, 2));
    const found = counters.find({ updatedAt: { $gte: since } }, { maxTimeMS: 1000 }).sort({ updatedAt: 1, _id: 1 });
    assert.equal(
      (await found.toArray()).map(({ _id }) => _id),
      ["2", "3"],
    );
  }),
);

mongoTest("any name is an id", (server) =>
  withCollection(server, async (counters) => {
    const names = ["__proto__", "$inc", "a.b.c", "🎉", " ", "x".repeat(1024)];
    for (const _id of names) await counters.updateOne({ _id }, { $inc: { count: Long.ONE } }, { upsert: true });
    assert.is(await counters.countDocuments({ _id: { $in: names }, count: Long.ONE }), names.length);
  }),
);

test.run();
