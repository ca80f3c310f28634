import { test } from "uvu";
import * as assert from "uvu/assert";
import { CommandSize } from "../../../src/projection/mongo/command-size.js";

const fail = () => Promise.reject(new Error("timed out"));

test("a quarter after a failure, never below one; twice as much after a success, never above the largest", async () => {
  const size = new CommandSize(1000);
  const seen: number[] = [];
  const ask = (fails: boolean) =>
    size.run(async (now) => {
      seen.push(now);
      if (fails) await fail();
    });
  for (let at = 0; at < 7; at++) await ask(true).catch(() => undefined);
  for (let at = 0; at < 12; at++) await ask(false);
  assert.equal(seen, [1000, 250, 62, 15, 3, 1, 1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000, 1000]);
});

test("if several in flight fail, one counts; errors are rethrown", async () => {
  const size = new CommandSize(1000);
  const outcomes = await Promise.allSettled([size.run(fail), size.run(fail), size.run(fail)]);
  assert.is(size.current, 250);
  assert.equal(
    outcomes.map(({ status }) => status),
    ["rejected", "rejected", "rejected"],
  );
});

test.run();
