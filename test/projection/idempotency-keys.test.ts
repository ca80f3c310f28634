import { test } from "uvu";
import * as assert from "uvu/assert";
import { IdempotencyKeys, keyOf } from "../../src/projection/idempotency-keys.js";

const key = (id: string, n = 1) => keyOf({ counter: "home", n, id });

test("the same key on the same counter has the same digest; the rest of the hit is its fingerprint", () => {
  assert.equal(keyOf({ counter: "a", n: 1, id: "k" }), keyOf({ counter: "a", n: 1, id: "k" }));
  assert.is.not(keyOf({ counter: "a", n: 1, id: "k" }).digest, keyOf({ counter: "b", n: 1, id: "k" }).digest);
  assert.is.not(keyOf({ counter: "a", n: 1, id: "k" }).digest, keyOf({ counter: "a", n: 1, id: "l" }).digest);
  assert.is.not(keyOf({ counter: "ab", n: 1, id: "c" }).digest, keyOf({ counter: "a", n: 1, id: "bc" }).digest);
  const base = keyOf({ counter: "a", n: 1, id: "k" });
  for (const other of [{ n: 2 }, { n: 1, at: 5 }, { n: 1, payload: "{}" }]) {
    const changed = keyOf({ counter: "a", id: "k", ...other });
    assert.is(changed.digest, base.digest);
    assert.is.not(changed.fingerprint, base.fingerprint);
  }
});

test("the first answer stands until it leaves the window", () => {
  const keys = new IdempotencyKeys(1000);
  keys.add(key("a"), 5, 57, 10_000);
  keys.add(key("a"), 9, 99, 10_500);
  keys.add(key("b"), 6, 2 ** 52, 10_500);
  assert.equal(keys.find(key("a").digest), { fingerprint: key("a").fingerprint, offset: 5, count: 57 });
  keys.expire(10_999);
  assert.is(keys.size, 2);
  keys.expire(11_000);
  assert.is(keys.find(key("a").digest), undefined);
  assert.is(keys.find(key("b").digest)?.count, 2 ** 52);
  keys.expire(20_000);
  assert.is(keys.size, 0);
});

test("keys leave the window a few at a time, also where a million leave it at once", () => {
  const keys = new IdempotencyKeys(1000);
  for (let i = 0; i < 3000; i++) keys.add(key(`k${i}`), i, i + 1, 0);
  keys.expire(2000);
  const first = 3000 - keys.size;
  assert.ok(first > 0 && first <= 1000, `${first} at once`);
  keys.expire(2000, 2000);
  assert.is(keys.size, 1000 - first);
  assert.is(keys.find(key("k2999").digest)?.offset, 2999);
  for (let calls = 0; keys.size > 0; calls++) {
    keys.expire(2000);
    assert.ok(calls < 100);
  }
  assert.is(keys.find(key("k2999").digest), undefined);
});

test("many keys over many chunks expire, and are restored unchanged", () => {
  const keys = new IdempotencyKeys(1000);
  for (let i = 0; i < 50_000; i++) keys.add(key(`k${i}`), i, i + 1, i);
  keys.expire(30_999, 50_000);
  assert.is(keys.size, 20_000);
  assert.is(keys.find(key("k29999").digest), undefined);
  const bytes = Buffer.concat(keys.image().map(({ buffer, from, to }) => Buffer.from(buffer, from, to - from)));
  assert.is(bytes.length, 20_000 * 44);
  keys.add(key("later"), 1, 1, 60_000);
  const restored = new IdempotencyKeys(1000);
  restored.restore(bytes, 40_999);
  assert.is(restored.size, 10_000);
  assert.is(restored.find(key("k39999").digest), undefined);
  assert.equal(restored.find(key("k40000").digest), {
    fingerprint: key("k40000").fingerprint,
    offset: 40_000,
    count: 40_001,
  });
  assert.is(restored.find(key("later").digest), undefined, "an image keeps its moment");
});

test.run();
