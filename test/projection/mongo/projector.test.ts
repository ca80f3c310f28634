import { test } from "uvu";
import * as assert from "uvu/assert";
import { StoreError } from "../../../src/projection/mongo/store.js";
import { readRegistrations } from "../../../src/wal/registrations.js";
import { directoryOn } from "../../support/log-files.js";
import { FakeDatabase } from "./fake-database.js";
import { type Fate, SOUND } from "./fake-store.js";
import { HitLog, missing, wrong } from "./hit-log.js";
import { prepare, start, until } from "./running.js";
import { World } from "./world.js";

const WRITES = ["apply", "setSum", "writeCheckpoint"];

/** A log with hits of some counters, and an empty database. */
async function withHits(...counters: string[]) {
  const log = await HitLog.open();
  for (const counter of counters) await log.hit(counter);
  return { log, database: new FakeDatabase() };
}

async function inWorld(use: (world: World) => Promise<void>): Promise<void> {
  const world = new World(1);
  world.enter();
  try {
    await use(world);
  } finally {
    world.leave();
  }
}

test("claims the epoch before it writes anything, and moves the checkpoint after the data", async () => {
  const { log, database } = await withHits("a", "b");
  const { projector, store } = await prepare(database, log, { maxOps: 1 });
  await projector.cycle();
  const writes = store.calls.filter(({ kind }) => WRITES.includes(kind));
  assert.equal(
    writes.map(({ kind }) => kind),
    ["writeCheckpoint", "apply", "apply", "writeCheckpoint"],
  );
  const { epoch, nonce } = log.log;
  assert.equal(writes[0]?.checkpoint, { offset: 0, epoch, nonce });
  assert.equal(database.checkpoints.get(log.id), { offset: 2, epoch, nonce });
  assert.equal([wrong(database, [log]), missing(database, log)], [[], []]);
  assert.ok(projector.isFlushed);
  await log.log.close();
});

test("an epoch that begins while updates go out is claimed before anything of it is written", async () => {
  const { log, database } = await withHits("a", "b");
  const { projector, store, follower } = await prepare(database, log, { maxOps: 1, inside: false });
  let begun = false;
  store.network = {
    ...SOUND,
    turn: async (call) => {
      if (call.kind !== "read" || begun) return;
      begun = true;
      await log.reopen();
      await log.hit("a");
      while (await follower.step());
    },
  };
  await projector.cycle();
  await projector.cycle();
  const writes = store.calls.filter(({ kind }) => WRITES.includes(kind));
  const claim = writes.findIndex(({ checkpoint }) => checkpoint?.epoch === log.log.epoch);
  const base = log.hits.at(-1)?.offset ?? 0;
  const first = writes.findIndex(({ updates }) => updates.some(({ next }) => next.offset > base));
  assert.ok(claim >= 0 && first > claim, JSON.stringify(writes));
  assert.equal([wrong(database, [log]), missing(database, log)], [[], []]);
  await log.log.close();
});

test("a failure after the data leaves the checkpoint where it was, and the directory lagging it", async () => {
  const { log, database } = await withHits("a");
  const { projector, store } = await prepare(database, log);
  projector.prepareStop();
  await projector.cycle();
  await log.hit("a");
  const later = await prepare(database, log);
  later.projector.prepareStop();
  later.store.network = { ...SOUND, fate: (call): Fate => (call.kind === "writeCheckpoint" ? "fail" : "ok") };
  const error = await later.projector.cycle().catch((thrown: unknown) => thrown);
  assert.ok(error instanceof StoreError);
  assert.equal([database.count("a"), database.checkpoints.get(log.id)?.offset], [2, 1]);
  const [registered] = await readRegistrations(directoryOn(log.fs));
  assert.equal([registered?.offset, registered?.hits], [1, 1]);
  assert.is(store.made("apply"), 1);
  await log.log.close();
});

test("a nonce that this log never had: halted with the reason; the log continues, and nothing is written", async () => {
  const { log, database } = await withHits("a");
  const there = { offset: 1, epoch: log.log.epoch, nonce: "another" };
  database.checkpoints.set(log.id, there);
  const { projector, store } = await prepare(database, log);
  await projector.cycle();
  const { state, lastError } = projector.status();
  assert.is(state, "halted");
  assert.match(lastError ?? "", /nonce another, offset 1: this log never had that nonce.*wal fork/);
  assert.ok(!store.calls.some(({ kind }) => WRITES.includes(kind)));
  await log.hit("a");
  assert.equal(database.checkpoints.get(log.id), there);
  await log.log.close();
});

test("a twin that has continued in an epoch that ended here: halted", async () => {
  const { log, database } = await withHits("a");
  const twin = await log.twin();
  await log.hit("a", 1, 5);
  await (await prepare(database, log)).projector.cycle();
  await twin.hit("a");
  const other = await prepare(database, twin);
  await other.projector.cycle();
  assert.is(other.projector.status().state, "halted");
  assert.match(other.projector.status().lastError ?? "", /in this log that epoch ended before/);
  assert.equal(wrong(database, [log]), []);
  await Promise.all([log.log.close(), twin.log.close()]);
});

test("both running: the twin claims, and the original is the one that halts", () =>
  inWorld(async (world) => {
    const { log, database } = await withHits("a");
    const original = await start(world, database, log);
    await until(
      world,
      "projected",
      () => missing(database, log).length === 0 && original.projector.status().checkpoint === 1,
    );
    const twin = await log.twin();
    await twin.hit("a");
    const copy = await start(world, database, twin);
    await until(world, "halted", () => original.projector.status().state === "halted");
    assert.is(copy.projector.status().state, "running");
    original.kill();
    copy.kill();
    await Promise.all([log.log.close(), twin.log.close()]);
  }));

test("a second projector of the same log that is ahead is not a twin", () =>
  inWorld(async (world) => {
    const { log, database } = await withHits("a");
    const slow = await prepare(database, log, { network: SOUND });
    await log.hit("a", 1, 3);
    await (await prepare(database, log)).projector.cycle();
    await slow.projector.cycle();
    assert.is(slow.projector.status().state, "running");
    assert.equal([database.count("a"), wrong(database, [log])], [4, []]);
    // It catches up, and reaches the end any number of times.
    for (let end = 0; end < 5; end++) {
      while (await slow.follower.step());
      world.now += 2000;
      await slow.projector.cycle();
      assert.is(slow.projector.status().state, "running");
    }
    await log.log.close();
  }));

test("a checkpoint past the end of this log, for longer than an inspection takes: halted", () =>
  inWorld(async (world) => {
    const { log, database } = await withHits("a");
    database.checkpoints.set(log.id, { offset: 50, epoch: log.log.epoch, nonce: log.log.nonce });
    const { projector, follower } = await prepare(database, log);
    for (let look = 0; look < 5; look++) {
      await follower.step();
      world.now += 2000;
      await projector.cycle();
    }
    assert.is(projector.status().state, "halted");
    assert.match(projector.status().lastError ?? "", /this log ends at 1/);
    await log.log.close();
  }));

/** Without the scrub, which would find it too, later. */
const NO_SCAN = { ...SOUND, fate: ({ kind }: { kind: string }): Fate => (kind === "scan" ? "fail" : "ok") };

test("dropped without an event: the missing checkpoint is noticed within a second", () =>
  inWorld(async (world) => {
    const { log, database } = await withHits("a", "b");
    const { projector } = await prepare(database, log, { network: NO_SCAN });
    await projector.cycle().catch(() => undefined);
    assert.equal(missing(database, log), []);
    database.drop();
    world.now += 1001;
    await projector.cycle().catch(() => undefined);
    assert.equal([wrong(database, [log]), missing(database, log)], [[], []]);
    await log.log.close();
  }));

test("put back between an update and the checkpoint after it: the checkpoint matches the copy, and is not believed", () =>
  inWorld(async (world) => {
    const { log, database } = await withHits("a");
    const { projector, store, follower } = await prepare(database, log, { network: NO_SCAN });
    await projector.cycle().catch(() => undefined);
    const copy = database.copy();
    await log.hit("b");
    await follower.step();
    const turn: typeof SOUND.turn = async (call, when) => {
      if (call.kind === "writeCheckpoint" && when === "effect") database.putBack(copy);
    };
    store.network = { ...NO_SCAN, turn };
    await projector.cycle().catch(() => undefined);
    assert.equal([database.count("b"), database.checkpoints.get(log.id)?.offset], [undefined, 2]);
    store.network = NO_SCAN;
    projector.noteChange(true);
    world.now += 1001;
    await projector.cycle().catch(() => undefined);
    assert.equal([wrong(database, [log]), missing(database, log)], [[], []]);
    await log.log.close();
  }));

test("before its first hit a log follows the others, writes nothing, and is flushed", async () => {
  const { log, database } = await withHits();
  database.put("home", { count: 3, logs: { other: { offset: 1, count: 3 } } });
  database.checkpoints.set("other", { offset: 1, epoch: 1, nonce: "n" });
  const { projector, store, remote } = await prepare(database, log);
  await projector.cycle();
  assert.is(remote.get("home"), 3);
  assert.ok(projector.status().asOf > 0);
  assert.ok(projector.isFlushed, "a stop waits for nothing");
  assert.ok(!store.calls.some(({ kind }) => WRITES.includes(kind)));
  await log.log.close();
});

test("blocked counters: the checkpoint moves on, and each is exact once its document is fixed", () =>
  inWorld(async (world) => {
    const { log, database } = await withHits("bad", "good");
    database.put("bad", { count: "many", logs: {} });
    const { projector, store } = await prepare(database, log);
    await projector.cycle();
    assert.equal([database.checkpoints.get(log.id)?.offset, database.count("good")], [2, 1]);
    assert.equal([...projector.status().blocked.keys()], ["bad"]);
    assert.is(projector.status().lag, 1);
    world.now += 2000;
    await projector.cycle();
    const reads = store.made("read");
    for (let cycle = 0; cycle < 4; cycle++) {
      world.now += 2000;
      await projector.cycle();
    }
    assert.is(store.made("read"), reads, "tried again slowly");
    database.put("bad", { count: 0, logs: {} });
    world.now += 10_000;
    await projector.cycle();
    assert.equal([database.count("bad"), projector.status().blocked.size, projector.status().lag], [1, 0, 0]);
    await log.log.close();
  }));

test.run();
