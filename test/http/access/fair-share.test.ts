import { test } from "uvu";
import * as assert from "uvu/assert";
import { FairShare, type Holding } from "../../../src/http/access/fair-share.js";
import type { Client } from "../../../src/model/access.js";

const stranger = (key: number): Client => ({ key, standing: "stranger" });
const operator: Client = { key: 7, standing: "operator" };

/** Takes one at a time for a client, `most` at most; returns what it got. */
function takeAll(share: FairShare, client: Client, most: number): Holding[] {
  const got: Holding[] = [];
  for (let i = 0; i < most; i++) {
    const one = share.take(client, 1, { evict: () => undefined });
    if (one !== undefined) got.push(one);
  }
  return got;
}

const kept = (holdings: readonly Holding[]) => holdings.filter(({ amount }) => amount > 0).length;

test("one client may hold all, and gives up half of it to another", () => {
  const share = new FairShare({ capacity: 100, reserve: 0 });
  const first = takeAll(share, stranger(1), 150);
  assert.is(first.length, 100);
  const second = takeAll(share, stranger(2), 150);
  assert.is(kept(first), 50);
  assert.is(kept(second), 50);
  assert.is(share.held, 100);
});

test("a thousand clients leave room for one more", () => {
  const share = new FairShare({ capacity: 5000, reserve: 100 });
  const all = Array.from({ length: 1000 }, (_, key) => takeAll(share, stranger(key), 20));
  assert.ok(all.every((one) => kept(one) >= 4 && kept(one) <= 6));
  assert.is(kept(takeAll(share, stranger(1000), 3)), 3);
  assert.is(share.held, 5000);
});

test("the reserve is used by strangers only until an operator wants it; the rest stays theirs", () => {
  const share = new FairShare({ capacity: 100, reserve: 10 });
  const strangers = takeAll(share, stranger(1), 100);
  const operators = takeAll(share, operator, 100);
  assert.is(kept(strangers), 90);
  assert.is(kept(operators), 10);
  for (const one of strangers) one.release();
  const more = takeAll(share, operator, 100);
  assert.is(kept(more), 90);
  assert.is(kept(takeAll(share, stranger(2), 95)), 90);
});

test("idle holdings go first, then the oldest; a lost holding can't grow", () => {
  const share = new FairShare({ capacity: 4, reserve: 0 });
  const lost: number[] = [];
  const held = [0, 1, 2, 3].map((i) =>
    share.take(stranger(1), 1, { evict: () => lost.push(i), isIdle: () => i === 2 }),
  );
  takeAll(share, stranger(2), 2);
  assert.equal(lost, [2, 0]);
  assert.is(held[2]?.resize(2), false);
  assert.is(share.evicted, 2);
  held[2]?.release();
  assert.is(share.held, 4);
});

test("what is idle is given up to anybody, the client's own too; what is busy is not", () => {
  const share = new FairShare({ capacity: 300, reserve: 0 });
  const busy = new Set<number>();
  const lost: number[] = [];
  const take = (client: Client, i: number) =>
    share.take(client, 1, { evict: () => lost.push(i), isIdle: () => !busy.has(i) });
  for (let i = 0; i < 300; i++) {
    take(stranger(1), i);
    if (i < 298) busy.add(i);
  }
  // It looks at some of them at a time.
  for (let i = 300; lost.length < 2 && i < 310; i++) {
    take(stranger(1), i);
    busy.add(i);
  }
  assert.equal(lost, [298, 299]);
  assert.is(take(stranger(1), 400), undefined);
  assert.ok(take(stranger(2), 401) !== undefined);
  assert.is(share.held, 300);
});

test("amounts grow up to the capacity, at the expense of clients that hold more", () => {
  const share = new FairShare({ capacity: 1000, reserve: 0 });
  const big = share.take(stranger(1), 900, { evict: () => undefined });
  const small = share.take(stranger(2), 50, { evict: () => undefined });
  assert.is(big?.resize(960), false, "nobody holds more");
  assert.is(small?.resize(200), true);
  assert.is(big?.amount, 0);
  assert.is(share.held, 200);
  small?.release();
  small?.release();
  assert.is(share.held, 0);
});

test("books are right after any sequence", () => {
  const share = new FairShare({ capacity: 300, reserve: 30 });
  let seed = 1;
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  const holdings: Holding[] = [];
  for (let i = 0; i < 20_000; i++) {
    const one = holdings[random(holdings.length + 1)];
    const step = random(4);
    if (one === undefined || step === 0) {
      const client = random(5) === 0 ? operator : stranger(random(9));
      const taken = share.take(client, 1 + random(20), { evict: () => undefined });
      if (taken !== undefined) holdings.push(taken);
    } else if (step === 1) one.release();
    else if (one.amount > 0) one.resize(1 + random(30));
    const sum = holdings.reduce((total, { amount }) => total + amount, 0);
    assert.is(share.held, sum);
    assert.ok(sum <= 300);
  }
});

test.run();
