import { test } from "uvu";
import * as assert from "uvu/assert";
import { Applier } from "../../../src/projection/mongo/applier.js";
import { Counters } from "../../../src/projection/mongo/counters.js";
import { Scrub } from "../../../src/projection/mongo/scrub.js";
import { FakeDatabase } from "./fake-database.js";
import { FakeStore } from "./fake-store.js";

const LOG = "abc";

/** A database that has all hits of so many counters: all known, nothing owed. */
function sound(size: number) {
  const database = new FakeDatabase();
  const store = new FakeStore(database, LOG);
  const counters = new Counters();
  for (let at = 0; at < size; at++) {
    const name = `c${String(at).padStart(5, "0")}`;
    counters.add(counters.indexOf(name), 2, 1, false);
    counters.documents.see(at, { offset: 1, count: 2 });
    database.put(name, { count: 2, logs: { [LOG]: { offset: 1, count: 2 } } });
  }
  const { documents } = counters;
  const applier = new Applier({ store, documents, logId: LOG, maxOps: 1000, onRemote: () => undefined });
  const scrub = new Scrub({ store, documents, applier, everyMs: 60_000 });
  return { database, store, counters, scrub };
}

test("reads a page at a time, slowly, over and over, writes nothing, and marks no correct document", async () => {
  const { store, counters, scrub } = sound(2500);
  await scrub.step(0);
  assert.equal(scrub.figures, { passes: 0, documents: 1000, marked: 0 });
  await scrub.step(1);
  assert.is(scrub.figures.documents, 1000, "not due yet");
  await scrub.step(200);
  await scrub.step(400);
  assert.equal(scrub.figures, { passes: 1, documents: 0, marked: 0 });
  await scrub.step(60_000);
  assert.is(scrub.figures.documents, 0, "not due yet");
  await scrub.step(60_400);
  assert.is(scrub.figures.documents, 1000);
  assert.is(counters.documents.owed, 0);
  assert.equal([store.made("scan"), store.calls.length], [4, 4]);
});

test("marks counters whose document is older, gone, without our slot, or whose sum is wrong", async () => {
  const { database, counters, scrub } = sound(10);
  database.put("c00001", { count: 1, logs: { [LOG]: { offset: 0, count: 1 } } });
  database.documents.delete("c00002");
  database.put("c00003", { count: 5, logs: { other: { offset: 1, count: 5 } } });
  database.put("c00004", { count: 9, logs: { [LOG]: { offset: 1, count: 2 } } });
  await scrub.step(0);
  assert.equal(counters.documents.owing().sort(), [1, 2, 3, 4]);
  assert.is(scrub.figures.marked, 4);
  assert.not.ok(counters.documents.isKnown(2), "it is read by name before anything is believed");
});

test("restarted: documents seen before count for nothing, since the database may have been put back", async () => {
  const { database, counters, scrub } = sound(1500);
  await scrub.step(0);
  database.documents.delete("c00005");
  scrub.restart(false);
  for (let now = 0; scrub.figures.passes === 0; now += 200) await scrub.step(now);
  assert.equal(counters.documents.owing(), [5]);
});

test.run();
