import { test } from "uvu";
import * as assert from "uvu/assert";
import { Applier } from "../../../src/projection/mongo/applier.js";
import { Counters } from "../../../src/projection/mongo/counters.js";
import { StoreError } from "../../../src/projection/mongo/store.js";
import { FakeDatabase } from "./fake-database.js";
import { FakeStore, type Fate, SOUND, type StoreCall } from "./fake-store.js";

const LOG = "abc";

function setUp(totals: Record<string, number>, maxOps = 1000) {
  const database = new FakeDatabase();
  const store = new FakeStore(database, LOG);
  const counters = new Counters();
  const remote = new Map<string, number>();
  let offset = 0;
  for (const [name, total] of Object.entries(totals)) counters.add(counters.indexOf(name), total, ++offset, false);
  const applier = new Applier({
    store,
    documents: counters.documents,
    logId: LOG,
    maxOps,
    onRemote: (name, count) => remote.set(name, count),
  });
  const settle = () => applier.settle(counters.documents.owing(), () => offset);
  /** Sets the outcome of the updates. */
  const fate = (given: (call: StoreCall) => Fate) => {
    store.network = { ...SOUND, fate: (call) => (call.kind === "apply" ? given(call) : "ok") };
  };
  return { database, store, counters, remote, applier, settle, fate };
}

test("reads unknown documents, sends one update for each counter, and believes what was confirmed", async () => {
  const { database, store, counters, settle } = setUp({ a: 3, b: 4 });
  assert.is(await settle(), true);
  assert.equal(database.slot("a", LOG), { offset: 2, count: 3 });
  assert.equal([database.count("b"), counters.documents.owed], [4, 0]);
  assert.equal(
    store.calls.map(({ kind }) => kind),
    ["read", "apply"],
  );
  counters.add(0, 2, 3, false);
  await settle();
  assert.equal([database.count("a"), store.made("read")], [5, 1], "what is known is not read again");
});

test("at most so many updates in one command", async () => {
  const { database, store, settle } = setUp({ a: 1, b: 1, c: 1, d: 1, e: 1 }, 2);
  assert.is(await settle(), true);
  assert.equal(
    store.calls.filter(({ kind }) => kind === "apply").map(({ updates }) => updates.length),
    [2, 2, 1],
  );
  assert.is(database.documents.size, 5);
});

test("with other logs: a document without our slot, or without any", async () => {
  const { database, remote, settle } = setUp({ a: 3, b: 4 });
  database.put("a", { count: 5, logs: { other: { offset: 9, count: 5 } } });
  database.put("b", { count: 0, logs: {} });
  assert.is(await settle(), true);
  assert.equal([database.count("a"), database.count("b")], [8, 4]);
  assert.is(remote.get("a"), 5);
});

test("fifty first hits of one counter from as many logs at once: the sum", async () => {
  const { database } = setUp({});
  const logs = Array.from({ length: 50 }, (_, at) => `log${at}`);
  const turns: (() => void)[] = [];
  const work = logs.map(async (log) => {
    const counters = new Counters();
    counters.add(counters.indexOf("home"), 2, 1, false);
    const turn = () => new Promise<void>((resolve) => turns.push(resolve));
    const store = new FakeStore(database, log, { fate: () => "ok", turn });
    const applier = new Applier({
      store,
      documents: counters.documents,
      logId: log,
      maxOps: 1000,
      onRemote: () => undefined,
    });
    while (!(await applier.settle(counters.documents.owing(), () => 1)));
  });
  const done = Promise.all(work);
  let over = false;
  void done.then(() => (over = true));
  // All read before the first writes: all but one find a document where they saw none.
  while (!over) {
    for (const turn of turns.splice(0)) turn();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.is(database.count("home"), 100);
});

test("after a lost answer nothing is believed: the document is read again", async () => {
  const { database, store, counters, settle, fate } = setUp({ a: 3 });
  fate(() => "lost");
  const error = await settle().catch((thrown: unknown) => thrown);
  assert.ok(error instanceof StoreError);
  assert.is(database.count("a"), 3);
  assert.not.ok(counters.documents.isKnown(0));
  fate(() => "ok");
  assert.is(await settle(), true);
  assert.equal([database.count("a"), store.made("apply"), store.made("read")], [3, 1, 2]);
});

test("a correction at the same offset, delivered again later, counts once", async () => {
  const { database, settle, fate } = setUp({ a: 3 });
  // Hits were removed from the document, and the offset left.
  database.put("a", { count: 1, logs: { [LOG]: { offset: 1, count: 1 } } });
  fate(() => "twice");
  assert.is(await settle(), true);
  database.deliver();
  assert.equal([database.count("a"), database.slot("a", LOG)], [3, { offset: 1, count: 3 }]);
});

test("a command of which only some updates match: the rest is read again, and applied", async () => {
  const { database, counters, settle, fate } = setUp({ a: 1, b: 2, c: 3 });
  fate(() => ({ some: (index) => index === 0 }));
  assert.is(await settle(), false);
  assert.is(counters.documents.owed, 3, "which were applied is unknown");
  fate(() => "ok");
  assert.is(await settle(), true);
  assert.equal(
    ["a", "b", "c"].map((name) => database.count(name)),
    [1, 2, 3],
  );
});

test("damaged documents, negative differences, refusals: blocked with the reason, others proceed, exact once fixed", async () => {
  const { database, applier, counters, settle } = setUp({ text: 1, more: 2, refused: 3, fine: 4 });
  database.put("text", { count: "57", logs: {} });
  database.put("more", { count: 9, logs: { [LOG]: { offset: 0, count: 9 } } });
  database.put("refused", { count: 0, logs: {} });
  database.refusals.set("refused", "Document failed validation");
  assert.is(await settle(), false, "a refusal leaves unknown what became of the rest of its command");
  const others = counters.documents.owing().filter((index) => !applier.blocked.has(counters.nameOf(index)));
  assert.is(await applier.settle(others, () => 4), true);
  assert.is(database.count("fine"), 4);
  assert.equal([...applier.blocked.keys()].sort(), ["more", "refused", "text"]);
  assert.match(applier.blocked.get("text") ?? "", /^count must be an integer, got "57"/);
  assert.match(applier.blocked.get("more") ?? "", /more hits of this log than the log has/);
  assert.is(applier.blocked.get("refused"), "Document failed validation");
  assert.is(database.count("more"), 9, "never taken back");
  assert.is(counters.documents.owed, 3);

  database.put("text", { count: 0, logs: {} });
  database.documents.delete("more");
  database.refusals.clear();
  assert.is(await settle(), true);
  assert.equal([applier.blocked.size, counters.documents.owed], [0, 0]);
  assert.equal(
    ["text", "more", "refused"].map((name) => database.count(name)),
    [1, 2, 3],
  );
});

test("a count that is not the sum of its slots is corrected", async () => {
  const { database, settle } = setUp({ low: 3, high: 4 });
  const logs = { [LOG]: { offset: 0, count: 1 }, other: { offset: 5, count: 10 } };
  database.put("low", { count: 2, logs });
  database.put("high", { count: 500, logs });
  assert.is(await settle(), true);
  assert.equal([database.count("low"), database.count("high")], [13, 14]);
});

test("a slot that another projector of this log has moved on is left alone", async () => {
  const { database, store, settle } = setUp({ a: 3 });
  database.put("a", { count: 5, logs: { [LOG]: { offset: 9, count: 5 } } });
  assert.is(await settle(), false);
  assert.equal([database.count("a"), store.made("apply")], [5, 0]);
});

test("nothing is written while that is not permitted", async () => {
  const { store, counters, applier } = setUp({ a: 3 });
  assert.is(await applier.settle(counters.documents.owing(), () => undefined), false);
  assert.is(store.made("apply"), 0);
});

test.run();
