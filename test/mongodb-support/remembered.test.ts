import { existsSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CACHE, remembered } from "../support/mongodb/remembered.js";
import { temporaryDirectory } from "../support/server-process.js";

const name = `test-${process.pid}`;
const there = temporaryDirectory();

test.after.each(() => {
  if (!existsSync(CACHE)) return;
  for (const file of readdirSync(CACHE)) if (file.startsWith(`${name}.`)) rmSync(path.join(CACHE, file));
});

function counting(result: () => string) {
  const work = {
    times: 0,
    get: async () => {
      work.times += 1;
      await sleep(30);
      return result();
    },
  };
  return work;
}

test("of many that ask at once one works, and a path that is gone is got again", async () => {
  let target = there;
  const work = counting(() => target);
  const all = await Promise.all(Array.from({ length: 5 }, () => remembered(name, work.get)));
  assert.equal(all, Array(5).fill({ path: there }));
  assert.is(work.times, 1);
  target = temporaryDirectory();
  rmSync(there, { recursive: true });
  assert.equal(await remembered(name, work.get), { path: target });
  assert.is(work.times, 2);
});

test("a failure is kept for a while, with the first line of its reason", async () => {
  const work = counting(() => {
    throw new Error("no network\nand much more");
  });
  assert.equal(await remembered(name, work.get), { failure: "no network" });
  assert.equal(await remembered(name, work.get), { failure: "no network" });
  assert.is(work.times, 1);
  const hourAgo = Date.now() / 1000 - 3600;
  utimesSync(path.join(CACHE, `${name}.json`), hourAgo, hourAgo);
  assert.equal(await remembered(name, work.get), { failure: "no network" });
  assert.is(work.times, 2);
});

test("a lock that a dead process left doesn't hold anyone up", async () => {
  await remembered(name, async () => path.join(there, "never"));
  // No process has this id: it is above what systems give.
  writeFileSync(path.join(CACHE, `${name}.lock`), "99999999");
  const target = temporaryDirectory();
  assert.equal(await remembered(name, async () => target), { path: target });
  assert.not.ok(existsSync(path.join(CACHE, `${name}.lock`)));
});

test.run();
