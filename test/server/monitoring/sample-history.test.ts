import { test } from "uvu";
import * as assert from "uvu/assert";
import { SampleHistory } from "../../../src/server/monitoring/sample-history.js";

const sample = (accepted: number, owed = 0, state: "none" | "running" | "retrying" | "halted" = "running") => ({
  accepted,
  owed,
  state,
});

test("hits per second are those since the previous sample, by a monotonic clock", () => {
  const history = new SampleHistory(10, 5000, 1000);
  history.add(sample(50), 100_000, 6000);
  // The wall clock was set back; two samples at once would be zero time apart.
  history.add(sample(60, 7, "retrying"), 90_000, 16_000);
  history.add(sample(61, 8, "halted"), 95_000, 16_000);
  assert.equal(history.after(0), {
    everyMs: 5000,
    last: 3,
    at: [100_000, 90_000, 95_000],
    rate: [10, 1, 1000],
    owed: [0, 7, 8],
    state: [1, 2, 3],
  });
});

test("only samples after a number are returned; a number of another process gets all", () => {
  const history = new SampleHistory(10, 5000, 0);
  for (let i = 1; i <= 4; i++) history.add(sample(i, i), i * 5000, i * 5000);
  assert.equal(history.after(3).owed, [4]);
  assert.equal(history.after(4).owed, []);
  assert.is(history.after(4).last, 4);
  assert.equal(history.after(99).owed, [1, 2, 3, 4]);
});

test("the oldest samples make room for new ones", () => {
  const history = new SampleHistory(3, 5000, 0);
  assert.equal(history.after(0).at, []);
  for (let i = 1; i <= 7; i++) history.add(sample(i, i), i, i * 5000);
  assert.equal(history.after(0).owed, [5, 6, 7]);
  assert.equal(history.after(2).at, [5, 6, 7]);
  assert.equal(history.after(6).at, [7]);
});

test.run();
