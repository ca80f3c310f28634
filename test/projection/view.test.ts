import { test } from "uvu";
import * as assert from "uvu/assert";
import { View } from "../../src/projection/view.js";
import { LocalLog } from "../support/local-log.js";
import { temporaryDirectory } from "../support/server-process.js";

test("a counter, and one never seen", async () => {
  const run = await LocalLog.open(temporaryDirectory());
  const view = new View(run.local, undefined);
  await run.hit("home", 3);
  const home = view.counter("home");
  assert.equal({ ...home, asOf: "" }, { counter: "home", count: 3, projected: 3, pending: 0, asOf: "" });
  assert.ok(Math.abs(Date.parse(home.asOf ?? "") - Date.now()) < 60_000);
  assert.is(view.counter("toString").count, 0);
  await run.close();
});

test("lists by name, with prefix, limit and the next page", async () => {
  const run = await LocalLog.open(temporaryDirectory());
  const view = new View(run.local, undefined);
  for (const name of ["b", "a", "/2", "/1", "/3", "c"]) await run.hit(name);
  const names = async (prefix: string, limit: number, after?: string) => {
    const page = await view.counters({ prefix, limit, after });
    return [page.counters.map((counter) => counter.counter), page.next];
  };
  assert.equal(await names("", 100), [["/1", "/2", "/3", "a", "b", "c"], null]);
  assert.equal(await names("", 6), [["/1", "/2", "/3", "a", "b", "c"], null]);
  assert.equal(await names("", 4), [["/1", "/2", "/3", "a"], "a"]);
  assert.equal(await names("", 4, "a"), [["b", "c"], null]);
  assert.equal(await names("/", 2), [["/1", "/2"], "/2"]);
  assert.equal(await names("/", 2, "/2"), [["/3"], null]);
  assert.equal(await names("x", 2), [[], null]);
  await run.close();
});

test("the top by count", async () => {
  const run = await LocalLog.open(temporaryDirectory());
  const view = new View(run.local, undefined);
  assert.equal(await view.top(2), { counters: [], owing: 0 });
  for (const [name, hits] of [
    ["a", 1],
    ["b", 3],
    ["c", 2],
  ] as const)
    await run.hit(name, hits);
  const { counters, owing } = await view.top(2);
  assert.equal(
    counters.map(({ counter, count, pending }) => [counter, count, pending]),
    [
      ["b", 3, 0],
      ["c", 2, 0],
    ],
  );
  assert.is(owing, 0);
  await run.close();
});

test.run();
