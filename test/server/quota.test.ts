import { test } from "uvu";
import * as assert from "uvu/assert";
import { Quota } from "../../src/server/quota.js";
import { codeOf } from "../support/code-of.js";
import { LOCAL, LocalLog, type LocalLogOptions } from "../support/local-log.js";
import { temporaryDirectory } from "../support/server-process.js";

const DAY_MS = 86_400_000;
const stranger = (key: number) => ({ key, standing: "stranger" }) as const;

test("a stranger may take a share, which falls with what is free, and waits until enough of it is forgotten", () => {
  let now = 0;
  const quota = new Quota(DAY_MS, () => now);
  const [one, other] = [stranger(1), stranger(2)];
  quota.take(one, 99);
  assert.is(quota.wait(one, 800, 800), 0);
  quota.take(one, 1);
  const seconds = quota.wait(one, 800, 800);
  assert.ok(seconds >= 1 && seconds < 60, `${seconds} s`);
  assert.is(quota.wait(other, 800, 800), 0);
  now += seconds * 1000;
  assert.is(quota.wait(one, 800, 800), 0);
  const longer = quota.wait(one, 673, 800);
  assert.ok(longer > DAY_MS / 2000 && longer < DAY_MS / 1000, `${longer} s`);
  now += longer * 1000;
  assert.is(quota.wait(one, 673, 800), 0);
  assert.is.not(quota.wait(one, 566, 800), 0);
  now += 10 * DAY_MS;
  assert.is(quota.wait(one, 0, 800), 0);
});

test("a thousand strangers that take all they may leave room for others", () => {
  const quota = new Quota(DAY_MS, () => 0);
  const limit = 900_000;
  let free = limit;
  const taken: number[] = [];
  for (let key = 0; key < 1001; key++) {
    const before = free;
    for (; free > 0 && quota.wait(stranger(key), free, limit) === 0; free--) quota.take(stranger(key), 1);
    taken.push(before - free);
  }
  const [first = 0] = taken;
  assert.ok(first > 50_000 && first < limit / 8, `the first one took ${first}`);
  assert.ok(free > limit / 10, `${free} are left`);
  assert.ok((taken.at(-1) ?? 0) >= 16, `the last one took ${taken.at(-1)}`);
});

test("however little is free, a stranger may take a few; who is trusted may take all", () => {
  const quota = new Quota(DAY_MS, () => 0);
  for (let i = 0; i < 16; i++) {
    assert.is(quota.wait(stranger(1), 1, 1000), 0);
    quota.take(stranger(1), 1);
    quota.take(LOCAL, 1);
  }
  assert.is.not(quota.wait(stranger(1), 1, 1000), 0);
  assert.is(quota.wait(LOCAL, 1, 1000), 0);
  assert.equal([quota.limitFor(stranger(1), 1000), quota.limitFor(LOCAL, 1000)], [900, 1000]);
  quota.take(stranger(1), -1);
  assert.is(quota.wait(stranger(1), 1, 1000), 0, "given back");
});

/** Sends so many hits, each with a new name or id of this prefix; resolves to how many had which outcome. */
async function send(run: LocalLog, key: number, count: number, hit: (i: number) => { counter: string; id?: string }) {
  const outcomes: Record<string, number> = {};
  for (let i = 0; i < count; i++) {
    const code = await codeOf(run.collector.record({ n: 1, ...hit(i) }, stranger(key)));
    outcomes[code] = (outcomes[code] ?? 0) + 1;
  }
  return outcomes;
}

const open = (options: LocalLogOptions) => LocalLog.open(temporaryDirectory(), options);

test("one address can't use up new counters, nor can all of them together: a tenth is left for those that are trusted", async () => {
  const run = await open({ maxCounters: 100 });
  assert.equal(await send(run, 1, 40, (i) => ({ counter: `a${i}` })), { accepted: 16, RATE_LIMITED: 24 });
  assert.equal(await send(run, 1, 20, (i) => ({ counter: `a${i % 16}` })), { accepted: 20 }, "known ones count");
  for (let key = 2; key <= 5; key++) {
    assert.equal(await send(run, key, 16, (i) => ({ counter: `${key}.${i}` })), { accepted: 16 });
  }
  assert.equal(await send(run, 6, 16, (i) => ({ counter: `b${i}` })), { accepted: 10, TOO_MANY_COUNTERS: 6 });
  assert.is(run.local.totals?.size, 90);
  for (let i = 0; i < 10; i++) assert.is(await codeOf(run.record({ counter: `c${i}`, n: 1 })), "accepted");
  assert.is(await codeOf(run.record({ counter: "d", n: 1 })), "TOO_MANY_COUNTERS");
  await run.close();
});

test("a name that is longer than most costs as much as several", async () => {
  const run = await open({ maxCounters: 320 });
  const long = "n".repeat(1000);
  assert.equal(await send(run, 1, 10, (i) => ({ counter: `${long}${i}` })), { accepted: 5, RATE_LIMITED: 5 });
  await run.close();
});

test("one address can't use up new ids, nor can all of them together; hits without an id count", async () => {
  const run = await open({ maxIdempotencyKeys: 50 });
  const ids = (prefix: string) => (i: number) => ({ counter: "home", id: `${prefix}${i}` });
  assert.equal(await send(run, 1, 40, ids("a")), { accepted: 16, RATE_LIMITED: 24 });
  assert.equal(await send(run, 1, 20, (i) => ids("a")(i % 16)), { accepted: 20 }, "retries are recognised");
  assert.equal(await send(run, 1, 5, () => ({ counter: "home" })), { accepted: 5 });
  assert.equal(await send(run, 2, 16, ids("b")), { accepted: 16 });
  assert.equal(await send(run, 3, 16, ids("c")), { accepted: 13, TOO_MANY_KEYS: 3 });
  for (let i = 0; i < 5; i++) assert.is(await codeOf(run.record({ counter: "home", n: 1, id: `d${i}` })), "accepted");
  await run.close();
});

test("what comes to nothing is not taken", async () => {
  const run = await open({ maxCounters: 100, maxIdempotencyKeys: 100 });
  for (let i = 0; i < 3; i++) {
    const group = run.collector.group(stranger(1));
    for (let j = 0; j < 16; j++) assert.is(group.add({ counter: `${i}.${j}`, n: 1, id: "one" }), undefined);
    const refused = group.add({ counter: "one more", n: 1 });
    assert.is(refused?.code, "RATE_LIMITED");
    assert.ok((refused?.retryAfter ?? 0) > 0);
    group.abandon();
  }
  await run.close();
});

test.run();
