import { test } from "uvu";
import * as assert from "uvu/assert";
import { Slots } from "../../../src/projection/mongo/slots.js";

function slotsOf(...hits: [string, number, number][]): Slots {
  const slots = new Slots();
  for (const [name, n, endOffset] of hits) slots.add(slots.indexOf(name), n, endOffset, false);
  return slots;
}

test("the update is the log's total minus what the document has, at the fold's offset", () => {
  const slots = slotsOf(["home", 2, 1], ["home", 3, 2]);
  slots.see(0, "no document");
  assert.equal(slots.update(0, 7), { name: "home", seen: "no document", next: { offset: 7, count: 5 } });
  slots.see(0, "absent");
  assert.equal(slots.update(0, 7), { name: "home", seen: "absent", next: { offset: 7, count: 5 } });
  slots.see(0, { offset: 1, count: 2 });
  assert.equal(slots.update(0, 7), { name: "home", seen: { offset: 1, count: 2 }, next: { offset: 7, count: 5 } });
});

test("nothing is sent where nothing is owed, where the slot is further, and never anything negative", () => {
  const slots = slotsOf(["home", 5, 2]);
  slots.see(0, { offset: 2, count: 5 });
  assert.is(slots.owed, 0);
  assert.is(slots.update(0, 2), "done");
  slots.see(0, { offset: 9, count: 8 });
  assert.is(slots.update(0, 2), "later");
  assert.is(slots.update(0, 9), "behind");
  slots.see(0, { offset: 9, count: 4 });
  assert.is(slots.update(0, 2), "later", "though it has less: that is the other projector's to settle");
});

test("what is owed is a set of counters: as much after a million hits as after one each", () => {
  const slots = new Slots();
  for (let hit = 0; hit < 1_000_000; hit++) slots.add(slots.indexOf(`counter ${hit % 1000}`), 1, hit + 1, false);
  assert.is(slots.owed, 1000);
  assert.is(slots.owing().length, 1000);
  assert.is(slots.size, 1000);
  assert.is(slots.takeChanged(5000).length, 0, "nothing is told of hits that no database has confirmed");
  assert.equal([slots.sum, slots.confirmedSum], [1_000_000, 0]);
});

test("forgetting from an offset: every counter with a hit at or above it, and no other", () => {
  const slots = slotsOf(["below", 1, 10], ["at", 1, 11], ["above", 1, 12]);
  for (const index of [0, 1, 2]) slots.see(index, { offset: 12, count: 1 });
  // What is kept is the offset behind a hit: 11 is that of the hit at 10.
  slots.forgetFrom(10);
  assert.equal(
    [0, 1, 2].map((index) => slots.isKnown(index)),
    [true, false, false],
  );
  assert.equal(slots.owing(), [1, 2]);
  slots.forgetFrom(-1);
  assert.equal(slots.owing().sort(), [0, 1, 2]);
});

test("hits below the checkpoint count as confirmed; those of a snapshot above it do not", () => {
  const slots = new Slots();
  const index = slots.indexOf("home");
  slots.restore(index, 10, true);
  assert.equal([slots.owed, slots.sum, slots.confirmedSum], [0, 10, 10]);
  slots.uncover(index, 4, 20);
  assert.equal([slots.owed, slots.confirmed(index), slots.confirmedSum], [1, 6, 6]);
  slots.add(index, 2, 25, false);
  slots.add(slots.indexOf("covered"), 3, 26, true);
  assert.equal([slots.owed, slots.sum, slots.confirmedSum], [1, 15, 9]);
  assert.not.ok(slots.isKnown(index), "what the document has is unknown all the same");
});

test("without a checkpoint all of a snapshot's counters are owed", () => {
  const slots = new Slots();
  slots.restore(slots.indexOf("home"), 10, false);
  slots.restore(slots.indexOf("none"), 0, false);
  assert.equal([slots.owing(), slots.confirmedSum], [[0], 0]);
});

test("changes of what is confirmed are told once each, so many at a time", () => {
  const slots = slotsOf(["a", 1, 1], ["b", 1, 2], ["c", 1, 3]);
  for (const index of [0, 1, 2]) slots.see(index, { offset: 3, count: 1 });
  assert.equal([slots.takeChanged(2), slots.takeChanged(2), slots.takeChanged(2)], [[0, 1], [2], []]);
  slots.see(0, { offset: 4, count: 1 });
  assert.equal(slots.takeChanged(2), [], "another offset alone is no news");
  slots.see(0, "no document");
  assert.equal(slots.takeChanged(2), [0]);
  slots.tellOwed();
  assert.equal(slots.takeChanged(2), [0]);
});

test("more counters than the first arrays hold", () => {
  const slots = new Slots();
  for (let at = 0; at < 5000; at++) slots.add(slots.indexOf(`${at}`), at, at + 1, false);
  for (const at of [0, 1023, 1024, 2048, 4999]) assert.is(slots.total(slots.find(`${at}`) ?? -1), at);
  assert.not.ok(slots.isKnown(4999));
});

test("numbers across 2^31 and near 2^53 stay exact", () => {
  const slots = slotsOf(["home", 2 ** 52 - 1, 1], ["home", 1, 2]);
  slots.see(0, { offset: 2 ** 53 - 2, count: 2 ** 52 - 2 ** 31 });
  const update = slots.update(0, 2 ** 53 - 1);
  assert.ok(typeof update === "object");
  assert.equal(update.next, { offset: 2 ** 53 - 1, count: 2 ** 52 });
});

test.run();
