import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  isDamaged,
  parseDocument,
  remoteCount,
  sumOfSlots,
  toInteger,
} from "../../../src/projection/mongo/document.js";

const judged = (raw: unknown) => {
  const document = parseDocument(raw);
  return isDamaged(document) ? document.reason : "sound";
};

test("a document of two logs: sum, and other logs' hits", () => {
  const logs = { a: { offset: 5n, count: 3n }, b: { offset: 2, count: 4 } };
  const document = parseDocument({ _id: "home", count: 7n, logs, updatedAt: new Date() });
  assert.not.ok(isDamaged(document));
  if (isDamaged(document)) return;
  assert.is(sumOfSlots(document), 7);
  assert.is(remoteCount(document, "a"), 4);
  assert.is(remoteCount(document, "c"), 7);
  assert.equal(document.slots.get("a"), { offset: 5, count: 3 });
});

test("without our slot, and with no slots at all: sound", () => {
  assert.is(judged({ _id: "home", count: 4, logs: { b: { offset: 2, count: 4 } } }), "sound");
  assert.is(judged({ _id: "home", count: 0, logs: {} }), "sound");
});

test("a document that nothing can be added to is damaged, and the reason has what is there", () => {
  const slot = { offset: 1, count: 1 };
  for (const [raw, reason] of [
    [{ _id: "x", count: "57", logs: {} }, /^count must be an integer, got "57"$/],
    [{ _id: "x", logs: {} }, /^count must be .*, got nothing/],
    [{ _id: "x", count: 5.5, logs: {} }, /^count must be .*, got 5\.5/],
    [{ _id: "x", count: Number.NaN, logs: {} }, /^count must be .*, got NaN/],
    [{ _id: "x", count: 2n ** 60n, logs: {} }, /^count must be .*, got 1152921504606846976/],
    [{ _id: "x", count: 1, logs: [] }, /^logs must be an object by log id, got an array$/],
    [{ _id: "x", count: 1 }, /^logs must be .*, got nothing/],
    [{ _id: "x", count: 1, logs: null }, /^logs must be .*, got null/],
    [{ _id: "x", count: 1, logs: new Date(0) }, /^logs must be .*, got /],
    [{ _id: "x", count: 1, logs: "x".repeat(100) }, /^logs must be .*, got "x{56}…$/],
    [{ _id: "x", count: 1, logs: { a: slot, b: 7 } }, /^logs\.b must be .*, got 7$/],
    [{ _id: "x", count: 1, logs: { a: { offset: 1 } } }, /^logs\.a must be .*, got an object$/],
    [{ _id: "x", count: 1, logs: { a: { offset: "1", count: 1 } } }, /^logs\.a must be .*, got an object/],
    [undefined, /^count must be .*, got nothing/],
  ] as const) {
    assert.match(judged(raw), reason);
  }
});

test("an offset below 0 is damage", () => {
  // In memory, numbers below 0 stand for "unknown" and "absent": taken for these, the counter would never settle.
  for (const offset of [-1, -2, -3, -1n]) {
    assert.match(
      judged({ _id: "x", count: 1, logs: { a: { offset, count: 1 } } }),
      /^logs\.a must be .* not below 0, got /,
    );
  }
});

test("integers of every kind that a driver returns", () => {
  assert.is(toInteger(5), 5);
  assert.is(toInteger(5n), 5);
  assert.is(toInteger(2 ** 31), 2 ** 31);
  assert.is(toInteger(2n ** 53n - 1n), 2 ** 53 - 1);
  for (const value of [2n ** 53n, 2 ** 53, 0.5, "5", null, undefined, {}, Number.POSITIVE_INFINITY]) {
    assert.is(toInteger(value), undefined);
  }
});

test.run();
