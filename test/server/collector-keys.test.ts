import { readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { codeOf } from "../support/code-of.js";
import { LOCAL, LocalLog } from "../support/local-log.js";
import { temporaryDirectory } from "../support/server-process.js";

const hit = (id: string, n = 1, counter = "home") => ({ counter, n, id });

test("the same key on the same counter: the first answer again, counted once", async () => {
  const run = await LocalLog.open(temporaryDirectory());
  const first = await run.record(hit("k"));
  assert.equal(first, { offset: 0, count: 1, replayed: false });
  await run.hit("home", 5);
  assert.equal(await run.record(hit("k")), { offset: 0, count: 1, replayed: true });
  assert.is((await run.record(hit("k", 1, "other"))).replayed, false, "another counter is another key");
  assert.is(run.local.totals?.count("home"), 6);
  await run.close();
});

test("a retry joins a hit that is still being written", async () => {
  const run = await LocalLog.open(temporaryDirectory());
  const answers = await Promise.all(Array.from({ length: 20 }, () => run.record(hit("k"))));
  assert.is(answers.filter((answer) => !answer.replayed).length, 1);
  assert.ok(answers.every(({ offset, count }) => offset === 0 && count === 1));
  assert.is(run.local.totals?.count("home"), 1);
  await run.close();
});

test("a retry that joined a refused hit is refused with it, and the key is free again", async () => {
  const run = await LocalLog.open(temporaryDirectory());
  const first = run.record(hit("a"));
  // Closed while both wait: queued hits are still written, later ones are not.
  const joined = run.record(hit("a"));
  const closing = run.close();
  assert.is(await codeOf(run.record(hit("b"))), "CLOSING");
  assert.equal([(await first).replayed, (await joined).replayed], [false, true]);
  await closing;
  const again = await LocalLog.open(run.log.directory.path);
  assert.is((await again.record(hit("b"))).replayed, false);
  assert.is((await again.record(hit("a"))).replayed, true);
  await again.close();
});

test("the same key with another body is refused", async () => {
  const run = await LocalLog.open(temporaryDirectory());
  const first = run.record(hit("k"));
  assert.is(await codeOf(run.record(hit("k", 2))), "IDEMPOTENCY_MISMATCH", "while it is being written");
  await first;
  assert.is(await codeOf(run.record(hit("k", 2))), "IDEMPOTENCY_MISMATCH");
  assert.is(await codeOf(run.record({ ...hit("k"), payload: "{}" })), "IDEMPOTENCY_MISMATCH");
  assert.is(run.local.totals?.count("home"), 1);
  await run.close();
});

test("keys are recognised after a restart: from the log, from a snapshot, and after retention", async () => {
  const directory = temporaryDirectory();
  let run = await LocalLog.open(directory);
  await run.record(hit("from a snapshot"));
  await run.hit("home", 3);
  await run.local.snapshot();
  await run.record(hit("from the log", 7));
  await run.close();

  run = await LocalLog.open(directory);
  assert.equal(await run.record(hit("from a snapshot")), { offset: 0, count: 1, replayed: true });
  assert.equal(await run.record(hit("from the log", 7)), { offset: 4, count: 11, replayed: true });
  for (let snapshot = 0; snapshot < 2; snapshot++) {
    await run.hit("home", 1);
    await run.local.snapshot();
  }
  assert.ok((await run.log.applyRetention({ ms: 0, bytes: 0 }, run.local.neededFrom)).length > 0);
  await run.close();
  assert.is(readdirSync(path.join(directory, "snapshots")).length, 2);

  run = await LocalLog.open(directory);
  assert.is((await run.record(hit("from a snapshot"))).replayed, true);
  assert.is((await run.record(hit("from the log", 7))).count, 11);
  assert.is(run.local.totals?.count("home"), 13);
  await run.close();
});

test("after the window a key is new again", async () => {
  const run = await LocalLog.open(temporaryDirectory(), { windowMs: 1 });
  await run.record(hit("k"));
  await new Promise((resolve) => setTimeout(resolve, 5));
  await run.record(hit("another"));
  assert.is((await run.record(hit("k"))).replayed, false);
  await run.close();
});

test("at the limit, new keys take the places of keys that have left the window, however many these are", async () => {
  const run = await LocalLog.open(temporaryDirectory(), { maxIdempotencyKeys: 1000, windowMs: 1 });
  await run.recordAll(Array.from({ length: 1000 }, (_, i) => hit(`old ${i}`)));
  await new Promise((resolve) => setTimeout(resolve, 5));
  const codes = await Promise.all(Array.from({ length: 300 }, (_, i) => codeOf(run.record(hit(`new ${i}`)))));
  assert.equal(new Set(codes), new Set(["accepted"]));
  await run.close();
});

test("above the limit new keys are refused, known ones are still recognised, hits without keys count", async () => {
  const run = await LocalLog.open(temporaryDirectory(), { maxIdempotencyKeys: 3 });
  const codes = await Promise.all(["a", "b", "c", "d"].map((id) => codeOf(run.record(hit(id)))));
  assert.equal(codes, ["accepted", "accepted", "accepted", "TOO_MANY_KEYS"]);
  assert.is((await run.record(hit("a"))).replayed, true);
  await run.hit("home");
  const group = run.collector.group(LOCAL);
  const refusals = ["a", "e", "b"].map((id) => group.add(hit(id))?.code ?? "admitted");
  assert.equal(refusals, ["admitted", "TOO_MANY_KEYS", "admitted"]);
  group.abandon();
  assert.is(run.local.totals?.count("home"), 4);
  await run.close();
});

test("many in one request: retries, duplicates in the request, and keys above the limit", async () => {
  const run = await LocalLog.open(temporaryDirectory());
  await run.record(hit("a"));
  const group = run.collector.group(LOCAL);
  const hits = [hit("a"), hit("b"), hit("b"), hit("b", 2), hit("a", 2), { counter: "home", n: 1 }];
  const refusals = hits.map((one) => group.add(one)?.code);
  assert.equal(refusals, [undefined, undefined, undefined, "IDEMPOTENCY_MISMATCH", "IDEMPOTENCY_MISMATCH", undefined]);
  assert.is(group.size, 4);
  assert.equal(await group.commit(), { accepted: 4, replayed: 2, firstOffset: 1, lastOffset: 2 });
  assert.equal(await run.recordAll([hit("a"), hit("b")]), {
    accepted: 2,
    replayed: 2,
    firstOffset: null,
    lastOffset: null,
  });
  assert.is(run.local.totals?.count("home"), 3);
  await run.close();
});

test("with the totals unknown a hit with a key is refused: a retry of it could count twice", async () => {
  const directory = temporaryDirectory();
  for (let runs = 0; runs < 3; runs++) {
    const run = await LocalLog.open(directory);
    await run.hit("home");
    await run.local.snapshot();
    if (runs === 2) await run.log.applyRetention({ ms: 0, bytes: 0 }, run.local.neededFrom);
    await run.close();
  }
  rmSync(path.join(directory, "snapshots"), { recursive: true });
  const run = await LocalLog.open(directory);
  assert.ok(run.local.halted);
  assert.is(await codeOf(run.record(hit("k"))), "PROJECTION_HALTED");
  assert.is((await run.record({ counter: "home", n: 1 })).count, null);
  await run.close();
});

test.run();
