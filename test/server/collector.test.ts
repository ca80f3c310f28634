import { test } from "uvu";
import * as assert from "uvu/assert";
import type { HitGroup } from "../../src/model/services.js";
import { codeOf } from "../support/code-of.js";
import { LOCAL, LocalLog } from "../support/local-log.js";
import { temporaryDirectory } from "../support/server-process.js";

test("counts go up by one in the order of offsets, each with its own hit", async () => {
  const run = await LocalLog.open(temporaryDirectory());
  const answers = await Promise.all(Array.from({ length: 200 }, () => run.record({ counter: "home", n: 1 })));
  assert.equal(
    answers.map((answer) => answer.count),
    Array.from({ length: 200 }, (_, i) => i + 1),
  );
  assert.equal(
    answers.map((answer) => answer.offset),
    Array.from({ length: 200 }, (_, i) => i),
  );
  assert.is((await run.record({ counter: "home", n: 1_000_000_000 })).count, 1_000_000_200);
  assert.is(run.collector.accepted, 201);
  await run.close();
});

test("a hit's count includes what other logs have counted, also in a retry's answer and after a restart", async () => {
  const directory = temporaryDirectory();
  const run = await LocalLog.open(directory);
  await run.record({ counter: "home", n: 1 });
  run.local.totals?.setRemote(0, 40);
  run.local.noteRemote(new Date().toISOString(), true);
  assert.is((await run.record({ counter: "home", n: 1 })).count, 42);
  const retried = { counter: "home", n: 1, id: "one" };
  assert.is((await run.record(retried)).count, 43);
  assert.is((await run.record(retried)).count, 43);
  await run.local.snapshot();
  await run.close();
  const again = await LocalLog.open(directory);
  assert.is((await again.record(retried)).count, 43);
  assert.is((await again.record({ counter: "home", n: 1 })).count, 44);
  await again.close();
});

test("nothing is counted before it is durable", async () => {
  const run = await LocalLog.open(temporaryDirectory());
  const pending = run.record({ counter: "home", n: 1 });
  assert.is(run.local.totals?.count("home"), 0);
  await pending;
  assert.is(run.local.totals?.count("home"), 1);
  await run.close();
});

test("hits of one request have consecutive offsets", async () => {
  const run = await LocalLog.open(temporaryDirectory());
  const hits = [
    { counter: "a", n: 1 },
    { counter: "b", n: 2 },
    { counter: "a", n: 3 },
  ];
  assert.equal(await run.recordAll(hits), {
    accepted: 3,
    replayed: 0,
    firstOffset: 0,
    lastOffset: 2,
  });
  assert.is(run.local.totals?.count("a"), 4);
  assert.is(run.local.totals?.count("b"), 2);
  await run.close();
});

test("COUNTERS_ALLOW: other names are refused, also those of existing counters, one by one in a bulk request", async () => {
  const directory = temporaryDirectory();
  const before = await LocalLog.open(directory);
  await before.record({ counter: "old", n: 1 });
  await before.close();
  const run = await LocalLog.open(directory, { countersAllow: ["home", "/blog/*"] });
  const record = (counter: string) => codeOf(run.record({ counter, n: 1 }));
  assert.is(await record("home"), "accepted");
  assert.is(await record("/blog/a/b"), "accepted");
  assert.is(await record("old"), "COUNTER_NOT_ALLOWED");
  assert.is(await record("new"), "COUNTER_NOT_ALLOWED");
  const group = run.collector.group(LOCAL);
  assert.is(group.add({ counter: "home", n: 1 }), undefined);
  assert.is(group.add({ counter: "new", n: 1 })?.code, "COUNTER_NOT_ALLOWED");
  group.abandon();
  assert.is(run.local.totals?.count("old"), 1);
  assert.is(run.local.totals?.has("new"), false);
  await run.close();
});

test("MAX_COUNTERS: a new name above it is refused, names being written included; known ones count", async () => {
  const run = await LocalLog.open(temporaryDirectory(), { maxCounters: 3 });
  const record = (counter: string) => codeOf(run.record({ counter, n: 1 }));
  assert.equal(await Promise.all(["a", "b", "c", "d", "a"].map(record)), [
    "accepted",
    "accepted",
    "accepted",
    "TOO_MANY_COUNTERS",
    "accepted",
  ]);
  assert.is(await record("e"), "TOO_MANY_COUNTERS");
  assert.is(await record("a"), "accepted");
  await run.close();
  const again = await LocalLog.open(run.log.directory.path, { maxCounters: 1 });
  assert.is(await codeOf(again.record({ counter: "c", n: 1 })), "accepted", "counters in the log still count");
  assert.is(again.local.totals?.count("a"), 3);
  await again.close();
});

test("MAX_COUNTERS within one request", async () => {
  const run = await LocalLog.open(temporaryDirectory(), { maxCounters: 3 });
  await run.hit("a");
  const group = run.collector.group(LOCAL);
  const codes = ["b", "b", "c", "d", "a", "c"].map((counter) => group.add({ counter, n: 1 })?.code ?? "admitted");
  assert.equal(codes, ["admitted", "admitted", "admitted", "TOO_MANY_COUNTERS", "admitted", "admitted"]);
  assert.is(await codeOf(run.record({ counter: "d", n: 1 })), "TOO_MANY_COUNTERS", "both names are reserved");
  group.abandon();
  assert.is(await codeOf(run.record({ counter: "d", n: 1 })), "accepted", "given back");
  await run.close();
});

test("the names of all counters are bounded in bytes, those being written included", async () => {
  const run = await LocalLog.open(temporaryDirectory(), { maxCounters: 4000 });
  const nameOf = (number: number) => `é${String(number).padEnd(1022, "x")}`;
  const fill = (group: HitGroup) => {
    let names = 0;
    while (group.add({ counter: nameOf(names), n: 1 }) === undefined) names++;
    return names;
  };
  const abandoned = run.collector.group(LOCAL);
  assert.is(fill(abandoned), 1024, "1 MiB, whatever MAX_COUNTERS is");
  const refused = abandoned.add({ counter: "a", n: 1 });
  assert.is(refused?.code, "TOO_MANY_COUNTERS");
  assert.match(
    refused?.message ?? "",
    "the names of all counters would be 1048577 bytes long; MAX_COUNTERS permits 1048576",
  );
  assert.is(await codeOf(run.record({ counter: "a", n: 1 })), "TOO_MANY_COUNTERS");
  abandoned.abandon();
  const group = run.collector.group(LOCAL);
  assert.is(fill(group), 1024, "given back");
  await group.commit();
  assert.is(run.local.totals?.nameBytes, 2 ** 20);
  assert.is(await codeOf(run.record({ counter: "a", n: 1 })), "TOO_MANY_COUNTERS");
  assert.is(await codeOf(run.record({ counter: nameOf(5), n: 1 })), "accepted");
  await run.close();
  const roomy = await LocalLog.open(run.log.directory.path, { maxCounters: 10_000 });
  assert.is(await codeOf(roomy.record({ counter: "a", n: 1 })), "accepted", "128 bytes for each of MAX_COUNTERS");
  await roomy.close();
});

test("names of hits that were refused by the log don't count against MAX_COUNTERS", async () => {
  const run = await LocalLog.open(temporaryDirectory(), { maxCounters: 2, maxQueuedBytes: 64 });
  const codes = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      codeOf(run.record({ counter: `${i < 10 ? "a" : "b"}${"x".repeat(20)}`, n: 1 })),
    ),
  );
  assert.ok(codes.includes("QUEUE_FULL"));
  assert.is(await codeOf(run.record({ counter: "b", n: 1 })), "accepted");
  await run.close();
});

test("a counter stays at or below 2^52", async () => {
  const run = await LocalLog.open(temporaryDirectory());
  const totals = run.local.totals;
  totals?.add(totals.indexOf("home"), 2 ** 52 - 1);
  assert.is(await codeOf(run.record({ counter: "home", n: 2 })), "COUNT_LIMIT");
  assert.is((await run.record({ counter: "home", n: 1 })).count, 2 ** 52);
  assert.is(await codeOf(run.record({ counter: "home", n: 1 })), "COUNT_LIMIT");
  await run.close();
});

test("closing: refused, certainly not counted", async () => {
  const run = await LocalLog.open(temporaryDirectory());
  await run.hit("home");
  await run.close();
  assert.is(await codeOf(run.record({ counter: "home", n: 1 })), "CLOSING");
  assert.is(run.log.refusal()?.code, "CLOSING");
  const again = await LocalLog.open(run.log.directory.path);
  assert.is(again.local.totals?.count("home"), 1);
  await again.close();
});

test.run();
