import { test } from "uvu";
import * as assert from "uvu/assert";
import { Counters } from "../../../src/projection/mongo/counters.js";

function countersOf(...hits: [string, number, number][]): Counters {
  const counters = new Counters();
  for (const [name, n, endOffset] of hits) counters.add(counters.indexOf(name), n, endOffset, false);
  return counters;
}

test("the update is the log's total minus what the document has, at the offset of the fold", () => {
  const counters = countersOf(["home", 2, 1], ["home", 3, 2]);
  counters.documents.see(0, "no document");
  assert.equal(counters.documents.update(0, 7), { name: "home", seen: "no document", next: { offset: 7, count: 5 } });
  counters.documents.see(0, "absent");
  assert.equal(counters.documents.update(0, 7), { name: "home", seen: "absent", next: { offset: 7, count: 5 } });
  counters.documents.see(0, { offset: 1, count: 2 });
  assert.equal(counters.documents.update(0, 7), {
    name: "home",
    seen: { offset: 1, count: 2 },
    next: { offset: 7, count: 5 },
  });
});

test("nothing is sent if nothing is owed or the slot is past the fold, and never anything negative", () => {
  const counters = countersOf(["home", 5, 2]);
  counters.documents.see(0, { offset: 2, count: 5 });
  assert.is(counters.documents.owed, 0);
  assert.is(counters.documents.update(0, 2), "done");
  counters.documents.see(0, { offset: 9, count: 8 });
  assert.is(counters.documents.update(0, 2), "later");
  assert.is(counters.documents.update(0, 9), "surplus");
  counters.documents.see(0, { offset: 9, count: 4 });
  assert.is(counters.documents.update(0, 2), "later", "though it has less: that is the other projector's to settle");
});

test("owed is a set of counters: as large after a million hits as after one each", () => {
  const counters = new Counters();
  for (let hit = 0; hit < 1_000_000; hit++) counters.add(counters.indexOf(`counter ${hit % 1000}`), 1, hit + 1, false);
  assert.is(counters.documents.owed, 1000);
  assert.is(counters.documents.owing().length, 1000);
  assert.is(counters.size, 1000);
  assert.is(counters.takeChanged(5000).length, 0, "hits that no database has confirmed are not reported");
  assert.equal([counters.sum, counters.confirmedSum], [1_000_000, 0]);
});

test("forgetting from an offset: every counter with a hit at or above it, and no other", () => {
  const counters = countersOf(["below", 1, 10], ["at", 1, 11], ["above", 1, 12]);
  for (const index of [0, 1, 2]) counters.documents.see(index, { offset: 12, count: 1 });
  // A row has the end of a hit: 11 is that of the hit at 10.
  counters.documents.forgetFrom(10);
  assert.equal(
    [0, 1, 2].map((index) => counters.documents.isKnown(index)),
    [true, false, false],
  );
  assert.equal(counters.documents.owing(), [1, 2]);
  counters.documents.forgetFrom(-1);
  assert.equal(counters.documents.owing().sort(), [0, 1, 2]);
});

test("hits below the checkpoint count as confirmed; those of a snapshot above it do not", () => {
  const counters = new Counters();
  const index = counters.indexOf("home");
  counters.restore(index, 10, true);
  assert.equal([counters.documents.owed, counters.sum, counters.confirmedSum], [0, 10, 10]);
  counters.documents.uncover(index, 4, 20);
  assert.equal([counters.documents.owed, counters.documents.confirmed(index), counters.confirmedSum], [1, 6, 6]);
  counters.add(index, 2, 25, false);
  counters.add(counters.indexOf("covered"), 3, 26, true);
  assert.equal([counters.documents.owed, counters.sum, counters.confirmedSum], [1, 15, 9]);
  assert.not.ok(counters.documents.isKnown(index), "what the document has is unknown all the same");
});

test("without a checkpoint all counters of a snapshot are owed", () => {
  const counters = new Counters();
  counters.restore(counters.indexOf("home"), 10, false);
  counters.restore(counters.indexOf("none"), 0, false);
  assert.equal([counters.documents.owing(), counters.confirmedSum], [[0], 0]);
});

test("changes of confirmed counts are reported once each, so many at a time", () => {
  const counters = countersOf(["a", 1, 1], ["b", 1, 2], ["c", 1, 3]);
  for (const index of [0, 1, 2]) counters.documents.see(index, { offset: 3, count: 1 });
  assert.equal([counters.takeChanged(2), counters.takeChanged(2), counters.takeChanged(2)], [[0, 1], [2], []]);
  counters.documents.see(0, { offset: 4, count: 1 });
  assert.equal(counters.takeChanged(2), [], "another offset alone is not a change");
  counters.documents.see(0, "no document");
  assert.equal(counters.takeChanged(2), [0]);
  counters.reportOwed();
  assert.equal(counters.takeChanged(2), [0]);
});

test("more counters than the first arrays hold", () => {
  const counters = new Counters();
  for (let at = 0; at < 5000; at++) counters.add(counters.indexOf(`${at}`), at, at + 1, false);
  for (const at of [0, 1023, 1024, 2048, 4999]) assert.is(counters.total(counters.find(`${at}`) ?? -1), at);
  assert.not.ok(counters.documents.isKnown(4999));
});

test("numbers across 2^31 and near 2^53 stay exact", () => {
  const counters = countersOf(["home", 2 ** 52 - 1, 1], ["home", 1, 2]);
  counters.documents.see(0, { offset: 2 ** 53 - 2, count: 2 ** 52 - 2 ** 31 });
  const update = counters.documents.update(0, 2 ** 53 - 1);
  assert.ok(typeof update === "object");
  assert.equal(update.next, { offset: 2 ** 53 - 1, count: 2 ** 52 });
});

test.run();
