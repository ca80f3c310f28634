import { test } from "uvu";
import * as assert from "uvu/assert";
import { Backoff } from "../../src/host/backoff.js";

test("doubles up to the cap, for ever, and begins anew after a success", () => {
  const backoff = new Backoff(50, () => 1);
  assert.equal(
    Array.from({ length: 7 }, () => backoff.next(1000)),
    [50, 100, 200, 400, 800, 1000, 1000],
  );
  for (let failures = 0; failures < 5000; failures++) backoff.next(1000);
  assert.is(backoff.next(1000), 1000);
  assert.is(backoff.next(30_000), 30_000, "another cap is reached by then");
  backoff.reset();
  assert.is(backoff.next(1000), 50);
});

test("jitter takes away up to half", () => {
  assert.is(new Backoff(50, () => 0).next(1000), 25);
  const backoff = new Backoff(50);
  const waits = Array.from({ length: 200 }, () => backoff.next(1000)).slice(10);
  assert.ok(waits.every((wait) => wait >= 500 && wait <= 1000));
  assert.ok(new Set(waits).size > 100);
});

test.run();
