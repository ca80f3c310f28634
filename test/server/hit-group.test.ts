import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Hit } from "../../src/model/hit.js";
import type { RecordedAll } from "../../src/model/services.js";
import type { SeriesLimits } from "../../src/projection/series/series.js";
import { codeOf } from "../support/code-of.js";
import { LOCAL, LocalLog } from "../support/local-log.js";
import { seeded } from "../support/memory-file.js";
import { temporaryDirectory } from "../support/server-process.js";

const NAMES = Array.from({ length: 600 }, (_, i) => `page-${i}`);
const ofNames = (n = 1): Hit[] => NAMES.map((counter) => ({ counter, n }));

/** Keeps everything that is folded from now on waiting until it is released, or the test has failed. */
function holdFolds(run: LocalLog): () => void {
  let held = true;
  const end = performance.now() + 20_000;
  run.local.folds.push({ step: () => !held || performance.now() > end });
  return () => {
    held = false;
  };
}

test("while a large group is folded, single hits are answered at once, with the counts of the log's order", async () => {
  const directory = temporaryDirectory();
  const run = await LocalLog.open(directory);
  await run.record({ counter: "home", n: 10 });
  const release = holdFolds(run);
  let answered: RecordedAll | undefined;
  const group = run.recordAll([...ofNames(5), { counter: "home", n: 7 }]);
  const waiting = group.then((all) => {
    answered = all;
  });
  const second = run.recordAll([{ counter: "page-2", n: 100 }, ...ofNames(1)]);
  assert.is((await run.record({ counter: "home", n: 1 })).count, 18, "a known counter");
  assert.is((await run.record({ counter: "page-1", n: 1 })).count, 7, "a name that is new in both groups");
  assert.is((await run.record({ counter: "page-2", n: 1 })).count, 107);
  assert.is((await run.record({ counter: "other", n: 1 })).count, 1, "a name that is in neither");
  assert.is(answered, undefined, "the group's own answer comes when all of it is counted");
  assert.is(run.local.offset, 1);
  assert.is(run.local.totals?.has("page-3"), false);
  release();
  await waiting;
  await second;
  assert.equal(answered, { accepted: 601, replayed: 0, firstOffset: 1, lastOffset: 601 });
  assert.is(run.local.totals?.count("page-3"), 6);
  assert.is(run.local.totals?.count("page-1"), 7);
  assert.is(run.local.totals?.sum, 10 + 7 + 600 * 6 + 100 + 4);
  await run.local.snapshot();
  assert.is(run.local.offset, 1 + 601 + 601 + 4);
  await run.close();
});

test("a snapshot waits until everything below its offset is folded, and keeps other large groups from being appended", async () => {
  const directory = temporaryDirectory();
  let run = await LocalLog.open(directory);
  const release = holdFolds(run);
  const first = run.recordAll(ofNames());
  await run.record({ counter: "home", n: 1 });
  const snapshot = run.local.snapshot();
  await new Promise((resolve) => setImmediate(resolve));
  const later = run.recordAll(ofNames());
  await run.record({ counter: "home", n: 1 });
  assert.is(run.collector.accepted, 602, "the second group waits");
  release();
  await Promise.all([first, snapshot, later]);
  await run.close();
  run = await LocalLog.open(directory);
  assert.is(run.local.readFrom, 602);
  assert.is(run.local.totals?.count("page-9"), 2);
  assert.is(run.local.totals?.count("home"), 2);
  await run.close();
});

test("names of a large group count against MAX_COUNTERS until they are counters, and then once", async () => {
  const run = await LocalLog.open(temporaryDirectory(), { maxCounters: NAMES.length + 1 });
  const release = holdFolds(run);
  const group = run.recordAll(ofNames());
  assert.is(await codeOf(run.record({ counter: "one more", n: 1 })), "accepted");
  assert.is(await codeOf(run.record({ counter: "too many", n: 1 })), "TOO_MANY_COUNTERS");
  release();
  await group;
  assert.is(run.local.totals?.size, NAMES.length + 1);
  assert.is(await codeOf(run.record({ counter: "too many", n: 1 })), "TOO_MANY_COUNTERS");
  await run.close();
});

test("an abandoned group gives back its names and keys; whoever retried one of its hits is refused, not counted", async () => {
  const run = await LocalLog.open(temporaryDirectory(), { maxCounters: 1, maxIdempotencyKeys: 1 });
  const group = run.collector.group(LOCAL);
  assert.is(group.add({ counter: "a", n: 1, id: "one" }), undefined);
  const retried = codeOf(run.record({ counter: "a", n: 1, id: "one" }));
  group.abandon();
  assert.is(await retried, "QUEUE_FULL");
  assert.is(await codeOf(run.record({ counter: "b", n: 1, id: "one" })), "accepted");
  assert.is(run.local.totals?.has("a"), false);
  await run.close();
});

test("a large group that is abandoned gives back what it has reserved over several turns of the event loop", async () => {
  const most = 10_000;
  const run = await LocalLog.open(temporaryDirectory(), { maxCounters: most, maxIdempotencyKeys: most });
  const fill = () => {
    const group = run.collector.group(LOCAL);
    let added = 0;
    while (group.add({ counter: `${added}`, n: 1, id: "one" }) === undefined) added++;
    return { group, added };
  };
  const first = fill();
  assert.is(first.added, most);
  let turn = 0;
  const turnOf = (counter: string) =>
    codeOf(run.record({ counter, n: 1, id: "one" })).then((code) => `${code} ${turn}`);
  const refused = [turnOf("0"), turnOf(`${most - 1}`)];
  let isOver = false;
  const over = Promise.all(refused).finally(() => {
    isOver = true;
  });
  first.group.abandon();
  for (; !isOver && turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(await over, ["QUEUE_FULL 0", "QUEUE_FULL 3"]);
  const again = fill();
  assert.is(again.added, most);
  again.group.abandon();
  await run.close();
});

test("requests at once never take a count past 2^52, and what is refused for them alone may be sent again", async () => {
  const run = await LocalLog.open(temporaryDirectory(), { maxQueuedBytes: 2 ** 24 });
  const { totals } = run.local;
  totals?.add(totals.indexOf("full"), 2 ** 52 - 2.5e9);
  const groups = Array.from({ length: 15 }, () => run.collector.group(LOCAL));
  const codes = groups.map((group) => group.add({ counter: "full", n: 1_000_000_000 })?.code ?? "added");
  assert.equal(codes.slice(0, 4), ["added", "added", "QUEUE_FULL", "QUEUE_FULL"]);
  assert.is(groups[0]?.add({ counter: "full", n: 1_000_000_000 })?.code, "QUEUE_FULL", "with the other's");
  assert.is(await codeOf(run.record({ counter: "full", n: 1_000_000_000 })), "QUEUE_FULL");
  await Promise.all(groups.filter(({ size }) => size > 0).map((group) => group.commit()));
  const more = run.collector.group(LOCAL);
  assert.is(more.add({ counter: "full", n: 400_000_000 }), undefined);
  assert.is(more.add({ counter: "full", n: 400_000_000 })?.code, "COUNT_LIMIT", "this request alone");
  more.abandon();
  assert.is(await codeOf(run.record({ counter: "full", n: 500_000_000 })), "accepted", "given back");
  assert.is(totals?.count("full"), 2 ** 52);
  await run.close();
});

for (let seed = 1; seed <= 4; seed++) {
  test(`interleaving ${seed}: answers are those of the log's order, and a restart finds the same state`, () =>
    interleave(seed));
}

// The series of more points than it may have depends on the order in which they come.
for (const maxPoints of [200, 600, 1500]) {
  test(`interleaving with at most ${maxPoints} points of the series: a restart finds the same series`, () =>
    interleave(maxPoints, { hoursKeptMs: 400 * 86_400_000, maxPoints }));
}

/** What was answered for one hit with its place in the log. */
interface Answered {
  readonly hit: Hit;
  readonly offset: number;
  /** Undefined for a hit of a group, whose answer has none. */
  readonly count: number | undefined;
}

async function interleave(seed: number, series?: SeriesLimits): Promise<void> {
  const random = seeded(seed);
  const below = (end: number) => Math.floor(random() * end);
  const directory = temporaryDirectory();
  const limits = series === undefined ? {} : { series };
  let run = await LocalLog.open(directory, { maxQueuedBytes: 2 ** 24, segmentBytes: 2 ** 20, ...limits });
  const start = Date.UTC(2026, 0, 2);
  const ids = new Set<string>();
  const newHit = (): Hit => {
    const hit = { counter: `${below(4)}/${below(4) === 0 ? below(400) : below(5)}`, n: 1 + below(9) };
    const at = below(3) === 0 ? { at: start + below(72) * 3_600_000 } : undefined;
    const id = `id-${ids.size}`;
    if (below(3) !== 0) return { ...hit, ...at };
    ids.add(id);
    return { ...hit, ...at, id };
  };
  const answers: Answered[] = [];
  const pending: Promise<unknown>[] = [];
  for (let round = 0; round < 40; round++) {
    const release = below(2) === 0 ? holdFolds(run) : () => undefined;
    for (let i = below(8); i > 0; i--) {
      const hit = newHit();
      pending.push(run.record(hit).then(({ offset, count }) => answers.push({ hit, offset, count: count ?? -1 })));
    }
    const hits = Array.from({ length: below(3) === 0 ? 300 + below(500) : 1 + below(5) }, newHit);
    pending.push(
      run.recordAll(hits).then(({ firstOffset }) => {
        for (const [i, hit] of hits.entries()) answers.push({ hit, offset: (firstOffset ?? 0) + i, count: undefined });
      }),
    );
    if (below(10) === 0) pending.push(run.local.snapshot());
    for (let turns = below(4); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
    release();
  }
  await Promise.all(pending);

  answers.sort((a, b) => a.offset - b.offset);
  const counts = new Map<string, number>();
  const firsts = new Map<Hit, { offset: number; count: number }>();
  for (const [i, { hit, offset, count }] of answers.entries()) {
    assert.is(offset, i);
    const expected = (counts.get(hit.counter) ?? 0) + hit.n;
    counts.set(hit.counter, expected);
    if (count !== undefined) assert.is(count, expected, `the count of offset ${offset}`);
    if (hit.id !== undefined) firsts.set(hit, { offset, count: expected });
  }
  const before = stateOf(run);
  assert.equal(new Map(before.counts), new Map([...counts].sort()));
  for (const when of ["before", "after"]) {
    for (const [hit, first] of firsts) assert.equal(await run.record(hit), { ...first, replayed: true }, when);
    if (when === "after") break;
    await run.close();
    run = await LocalLog.open(directory, limits);
    assert.equal(stateOf(run), before);
  }
  await run.close();
}

/** All that the local projection has but for the order of counters, which no one sees. */
function stateOf({ local }: LocalLog) {
  const { totals } = local;
  if (totals === undefined) throw new Error("the totals are unknown");
  const names = [...totals.names()].sort(([a], [b]) => (a < b ? -1 : 1));
  const counts = names.map(([name, index]): [string, number] => [name, totals.countAt(index)]);
  const days = totals.series.days();
  const hours = names.map(([name, index]) => [name, days.map((day) => totals.series.hours(index, day))]);
  const byDay = names.map(([name, index]) => [name, days.map((day) => totals.series.count(index, day))]);
  const { since, hoursSince, points } = totals.series;
  const series = { since, hoursSince, points, days, hours, byDay };
  return { offset: local.offset, counts, sum: totals.sum, keys: local.keys.size, series };
}

test.run();
