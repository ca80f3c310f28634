/** Counters' days in the database: owed, found missing, or left alone. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CounterDays } from "../../../src/projection/mongo/counter-days.js";
import { Counters } from "../../../src/projection/mongo/counters.js";
import { ProjectedCollection } from "../../../src/projection/mongo/projected-collection.js";
import { DAY_MS, dayOf, HOUR_MS } from "../../../src/projection/series/days.js";
import { Series } from "../../../src/projection/series/series.js";
import { FakeDatabase } from "./fake-database.js";
import { FakeStore, SOUND } from "./fake-store.js";
import { HitLog, missingDays, wrongDays } from "./hit-log.js";
import { prepare } from "./running.js";

const LOG = "abc";
const AT = Date.UTC(2026, 10, 24, 13, 30);

function setUp(maxRows?: number) {
  const database = new FakeDatabase();
  const store = new FakeStore(database, LOG);
  const counters = new Counters();
  const series = new Series();
  const days = new CounterDays(series, counters, maxRows);
  const projection = new ProjectedCollection({
    store: store.series,
    documents: days.documents,
    logId: LOG,
    maxOps: 1000,
    scrubEveryMs: 60_000,
  });
  let offset = 0;
  const hit = (counter: string, n = 1, at = AT) => {
    const index = counters.indexOf(counter);
    series.add(index, n, at);
    days.touch(index, at, ++offset);
  };
  const owed = () => days.documents.owed;
  const settle = (certain = 0) => projection.settle(() => offset, certain);
  const scrub = async () => {
    const passes = () => projection.scrubFigures.passes;
    for (let [now, before] = [1e9, passes()]; passes() === before; now += 1000) await projection.scrub(now);
  };
  const count = (name: string) => database.slot(name, LOG, "series")?.count;
  return { database, store, series, projection, owed, hit, settle, scrub, count };
}

test("one document for each counter and day, with its hours", async () => {
  const { database, hit, settle, store } = setUp();
  hit("home", 5);
  hit("home", 2, AT + HOUR_MS);
  hit("a b", 1, AT - DAY_MS);
  assert.is(await settle(), true);
  const { updatedAt, ...document } = database.series.get("2026-11-24 home") ?? {};
  const hours = Object.fromEntries(Array.from({ length: 24 }, (_, hour) => [hour, { 13: 5, 14: 2 }[hour] ?? 0]));
  assert.ok(updatedAt instanceof Date);
  assert.equal(document, {
    _id: "2026-11-24 home",
    counter: "home",
    day: new Date(Date.UTC(2026, 10, 24)),
    count: 7,
    logs: { [LOG]: { offset: 3, count: 7, hours } },
  });
  assert.equal([...database.series.keys()].sort(), ["2026-11-23 a b", "2026-11-24 home"]);
  hit("home");
  await settle();
  const reads = store.seriesCalls.filter(({ kind }) => kind === "read");
  assert.is(reads.length, 1, "what is known is not read again");
});

test("folded hours are removed from a document with the next hit of its day", async () => {
  const { database, series, hit, settle, count } = setUp();
  series.setLimits({ hoursKeptMs: 2 * DAY_MS, maxPoints: 1000 });
  hit("home", 5);
  await settle();
  series.noteTime(AT + 5 * DAY_MS);
  hit("home", 1);
  await settle();
  assert.is(count("2026-11-24 home"), 6);
  const logs = database.series.get("2026-11-24 home")?.["logs"];
  assert.equal(logs, { [LOG]: { offset: 2, count: 6 } });
});

test("more hits than the log has are left alone and block nothing; so is a dropped day", async () => {
  const { database, store, series, projection, hit, settle, scrub, count } = setUp();
  database.series.set("2026-11-24 home", {
    _id: "2026-11-24 home",
    count: 9,
    logs: { [LOG]: { offset: 1, count: 9 } },
  });
  hit("home", 5);
  assert.is(await settle(), true);
  hit("about", 5);
  series.startAt(dayOf(AT) + 1);
  assert.is(await settle(), true);
  await scrub();
  assert.is(await settle(), true);
  assert.equal([count("2026-11-24 home"), count("2026-11-24 about")], [9, undefined]);
  assert.is(projection.blocked.size, 0);
  assert.not.ok(store.seriesCalls.some(({ kind }) => kind === "apply"));
});

test("a scrub finds documents that are older or gone, of days with other documents and without", async () => {
  const { database, owed, hit, settle, scrub, count } = setUp();
  for (let day = 0; day < 5; day++) {
    for (let counter = 0; counter < 3; counter++) hit(`c${counter}`, 2, AT + day * DAY_MS);
  }
  await settle();
  await settle(1000);
  const names = [...database.series.keys()].sort();
  await scrub();
  assert.is(owed(), 0);
  for (const name of names.filter((_, index) => [0, 4, 6, 7, 8, 14].includes(index))) database.series.delete(name);
  const older = { _id: names[3], count: 1, logs: { [LOG]: { offset: 1, count: 1 } } };
  database.series.set(names[3] ?? "", older);
  database.series.set(names[9] ?? "", { ...database.series.get(names[9] ?? ""), count: 7 });
  await scrub();
  assert.is(owed(), 8);
  assert.is(await settle(), true);
  assert.equal(
    names.map(count),
    names.map(() => 2),
  );
  assert.is(database.series.get(names[9] ?? "")?.["count"], 2, "the sum of its slots");
});

test("invalidated: nothing counts as settled before all documents were scanned, a bounded part at a time", async () => {
  const { database, owed, hit, settle, projection, count } = setUp();
  for (let counter = 0; counter < 50_000; counter++) hit(`c${counter}`);
  assert.is(await settle(), true);
  await settle(50_000);
  database.series.clear();
  projection.invalidate();
  let most = 0;
  let rounds = 0;
  assert.not.ok(projection.isSettled);
  while (!(await settle(50_000))) {
    most = Math.max(most, owed());
    assert.ok(++rounds < 20);
  }
  assert.ok(rounds >= 2, `${rounds} rounds`);
  assert.ok(most <= 20_000, `${most} owed at once`);
  assert.equal([database.series.size, count("2026-11-24 c49999"), projection.isSettled], [50_000, 1, true]);
});

test("more owed documents than there may be rows: all are scanned instead, and nothing is lost", async () => {
  const { database, store, owed, hit, settle, projection } = setUp(100);
  store.network = { ...SOUND, fate: () => "fail" };
  for (let counter = 0; counter < 950; counter++) hit(`c${counter}`);
  assert.ok(owed() <= 100, `${owed()}`);
  await settle().catch(() => undefined);
  store.network = SOUND;
  for (let round = 0; !(await settle()); round++) assert.ok(round < 50);
  // Rows kept for a change of the server may be dropped early: then a change makes all documents be scanned.
  assert.is(database.series.size, 950);
  database.series.clear();
  projection.noteChange(0);
  for (let round = 0; !(await settle()); round++) assert.ok(round < 50);
  assert.is(database.series.size, 950);
});

test("a change of the server: documents with hits above what is certain are read again, and no others", async () => {
  const { database, hit, settle, projection, store } = setUp();
  hit("old");
  await settle(1);
  hit("new");
  await settle(1);
  const copy = new Map(database.series);
  database.series.delete("2026-11-24 new");
  store.forgetCalls();
  projection.noteChange(1);
  await settle(1);
  assert.equal(database.series, copy.size === 2 ? database.series : copy);
  assert.is(database.series.size, 2);
  const read = store.seriesCalls.filter(({ kind }) => kind === "read");
  assert.is(read.length, 1);
  projection.noteChange(2);
  await settle(2);
  assert.is(store.seriesCalls.filter(({ kind }) => kind === "read").length, 1, "all is certain");
});

test("a damaged document is blocked, and the others proceed", async () => {
  const { database, hit, settle, projection, count } = setUp();
  database.series.set("2026-11-24 home", { _id: "2026-11-24 home", count: "many", logs: {} });
  hit("home");
  hit("about");
  assert.is(await settle(), true);
  assert.equal([projection.blocked.size, projection.isSettled, count("2026-11-24 about")], [1, true, 1]);
});

test("a database without days is filled from the log, although its checkpoint is ahead", async () => {
  const log = await HitLog.open();
  const database = new FakeDatabase();
  for (const counter of ["a", "b", "c"])
    await log.hitAll([
      { counter, n: 2 },
      { counter, n: 1, at: AT },
    ]);
  const before = await prepare(database, log);
  for (let cycle = 0; cycle < 3; cycle++) await before.projector.cycle();
  assert.is(database.checkpoints.get(log.id)?.offset, log.log.end);
  database.series.clear();
  await log.hit("a");
  const { projector } = await prepare(database, log);
  for (let cycle = 0; cycle < 5; cycle++) await projector.cycle();
  assert.equal([missingDays(database, log), wrongDays(database, [log])], [[], []]);
  assert.equal(projector.status().series.owed, 0);
  await log.log.close();
});

test("the checkpoint does not move before the days are settled", async () => {
  const log = await HitLog.open();
  const database = new FakeDatabase();
  await log.hit("a");
  const { projector, store } = await prepare(database, log);
  store.network = {
    ...SOUND,
    fate: ({ kind, collection }) => (collection === "series" && kind === "apply" ? { some: () => false } : "ok"),
  };
  for (let cycle = 0; cycle < 3; cycle++) await projector.cycle().catch(() => undefined);
  assert.is(database.slot("a", log.id)?.count, 1);
  assert.is(database.checkpoints.get(log.id)?.offset, 0);
  assert.not.ok(projector.isFlushed);
  store.network = SOUND;
  await projector.cycle();
  assert.is(database.checkpoints.get(log.id)?.offset, 1);
  await log.log.close();
});

test.run();
