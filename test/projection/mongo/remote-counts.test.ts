import { test } from "uvu";
import * as assert from "uvu/assert";
import { RemoteCounts } from "../../../src/projection/mongo/remote-counts.js";
import { FakeDatabase } from "./fake-database.js";
import { FakeStore } from "./fake-store.js";

const slot = (count: number) => ({ offset: 1, count });

function setUp() {
  const database = new FakeDatabase();
  const store = new FakeStore(database, "us");
  const seen = new Map<string, number>();
  return { database, store, seen, remote: new RemoteCounts(store, "us", (name, count) => seen.set(name, count)) };
}

test("asks for no documents until there is another log, and notices one within a second", async () => {
  const { database, store, seen, remote } = setUp();
  database.put("home", { count: 3, logs: { them: slot(3) } });
  for (let now = 0; now < 1000; now += 100) await remote.step(now);
  assert.equal([store.made("hasOtherLogs"), store.made("changedSince")], [1, 0]);
  database.checkpoints.set("them", { offset: 1, epoch: 1, nonce: "n" });
  await remote.step(1000);
  assert.equal([...seen], [["home", 3]]);
});

test("follows changes twice a second, and those that become visible a little late", async () => {
  const { database, store, seen, remote } = setUp();
  database.checkpoints.set("them", { offset: 1, epoch: 1, nonce: "n" });
  database.put("home", { count: 5, logs: { us: slot(2), them: slot(3) } });
  await remote.step(0);
  assert.equal([...seen], [["home", 3]]);
  const { updatedAt } = database.documents.get("home") ?? {};
  // Written before what was seen last, and visible only now.
  database.put("late", { count: 4, logs: { them: slot(4) }, updatedAt: new Date(Number(updatedAt) - 4000) });
  await remote.step(400);
  assert.is(store.made("changedSince"), 1, "not due yet");
  await remote.step(500);
  assert.is(seen.get("late"), 4);
});

test("more changes than one step reads: the next continues there, and misses none", async () => {
  const { database, seen, remote } = setUp();
  database.checkpoints.set("them", { offset: 1, epoch: 1, nonce: "n" });
  for (let at = 0; at < 12_000; at++) database.put(`c${at}`, { count: 1, logs: { them: slot(1) } });
  await remote.step(0);
  assert.is(seen.size, 10_000);
  await remote.step(1);
  assert.is(seen.size, 12_000);
});

test("after a change of the server's state everything is read again; damaged documents are skipped", async () => {
  const { database, seen, remote } = setUp();
  database.checkpoints.set("them", { offset: 1, epoch: 1, nonce: "n" });
  database.put("old", { count: 1, logs: { them: slot(1) }, updatedAt: new Date(1000) });
  database.put("home", { count: 1, logs: { them: slot(1) } });
  database.put("text", { count: "x", logs: {} });
  await remote.step(0);
  assert.equal([...seen.keys()].sort(), ["home", "old"]);
  database.put("old", { count: 9, logs: { them: slot(9) }, updatedAt: new Date(900) });
  await remote.step(500);
  assert.is(seen.get("old"), 1, "its time is long past");
  remote.restart();
  await remote.step(501);
  assert.is(seen.get("old"), 9);
});

test.run();
