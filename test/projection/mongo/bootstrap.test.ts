import { test } from "uvu";
import * as assert from "uvu/assert";
import { bootstrap } from "../../../src/projection/mongo/bootstrap.js";
import { writeSnapshot } from "../../../src/projection/snapshot/snapshot.js";
import { Totals } from "../../../src/projection/totals.js";
import type { Damage } from "../../../src/wal/damage.js";
import { readRegistrations, removeRegistration } from "../../../src/wal/registrations.js";
import { codeOf, DIRECTORY, directoryOn, segments } from "../../support/log-files.js";
import { FakeDatabase } from "./fake-database.js";
import { type Network, SOUND } from "./fake-store.js";
import { HitLog, missing, missingDays, wrong, wrongDays } from "./hit-log.js";
import { prepare } from "./running.js";

/** Writes a snapshot of the log as the local projection does. */
async function snapshot(log: HitLog, damage: readonly Damage[] = []): Promise<void> {
  const totals = new Totals();
  for (const { counter, n, at } of log.hits) totals.addAt(totals.indexOf(counter), n, at);
  const { id: logId, epoch, nonce, end: offset } = log.log;
  const facts = { logId, epoch, nonce, offset, created: new Date().toISOString(), asOf: null, damage };
  await writeSnapshot(directoryOn(log.fs), { facts, image: totals.image() });
}

async function registration(log: HitLog) {
  const found = (await readRegistrations(directoryOn(log.fs))).find(({ name }) => name === "mongodb");
  if (found === undefined) throw new Error("not registered");
  return found;
}

/** Projects everything, as a run of a process that ends cleanly. */
async function project(database: FakeDatabase, log: HitLog): Promise<void> {
  const { projector } = await prepare(database, log);
  projector.prepareStop();
  await projector.cycle();
  assert.equal([wrong(database, [log]), missing(database, log)], [[], []]);
  assert.equal([wrongDays(database, [log]), missingDays(database, log)], [[], []]);
}

async function logWith(...counters: string[]) {
  const log = await HitLog.open();
  for (const counter of counters) await log.hit(counter);
  return { log, database: new FakeDatabase() };
}

test("registers itself first, so that retention keeps all of the log for it", async () => {
  const { log, database } = await logWith("a");
  await prepare(database, log);
  assert.is((await registration(log)).offset, 0);
  await log.reopen();
  await log.hit("a");
  await snapshot(log);
  await snapshot(log);
  const removed = await log.log.applyRetention({ ms: -1, bytes: 0 }, log.log.end);
  assert.equal(removed, []);
  await project(database, log);
  const { offset, hits, epoch, nonce } = await registration(log);
  assert.equal([offset, hits, epoch, nonce], [log.log.end, 2, log.log.epoch, log.log.nonce]);
  assert.is(
    (await log.log.applyRetention({ ms: -1, bytes: 0 }, log.log.end)).length,
    1,
    "and lets go of what is projected",
  );
  await log.log.close();
});

test("inside the writer's process its durable end is the limit: nothing past it is projected", async () => {
  const { log, database } = await logWith("a", "a");
  const { projector, counters } = await prepare(database, log, { durableEnd: () => 1 });
  await projector.cycle();
  assert.equal([counters.sum, database.slot("a", log.id)], [1, { offset: 1, count: 1 }]);
  await log.log.close();
});

test("a start in an outage: what is owed is known from the directory alone", async () => {
  const { log, database } = await logWith("a", "b");
  await project(database, log);
  await log.hit("b", 1, 3);
  const { counters } = await prepare(database, log);
  assert.equal([counters.sum, counters.confirmedSum], [5, 2]);
  assert.equal(
    counters.documents.owing().map((index) => counters.nameOf(index)),
    ["b"],
  );
  await log.log.close();
});

test("a snapshot that is newer than the checkpoint: the hits between are owed, and nothing else", async () => {
  const { log, database } = await logWith("a", "b");
  await project(database, log);
  await log.hit("b", 1, 3);
  await snapshot(log);
  await log.hit("c");
  const { counters, projector } = await prepare(database, log);
  assert.equal([counters.sum, counters.confirmedSum], [6, 2]);
  assert.equal(
    counters.documents.owing().map((index) => counters.nameOf(index)),
    ["b", "c"],
  );
  await projector.cycle();
  assert.equal([wrong(database, [log]), missing(database, log)], [[], []]);
  await log.log.close();
});

test("a snapshot that is older than the checkpoint: nothing is owed", async () => {
  const { log, database } = await logWith("a");
  await snapshot(log);
  await log.hit("a", 1, 3);
  await project(database, log);
  const { counters } = await prepare(database, log);
  assert.equal([counters.sum, counters.confirmedSum, counters.documents.owed], [4, 4, 0]);
  await log.log.close();
});

test("a database put back while nothing ran: all of it is read again, without old segments", async () => {
  const { log, database } = await logWith("a", "b");
  await project(database, log);
  const copy = database.copy();
  await log.reopen();
  await log.hit("a");
  await project(database, log);
  await snapshot(log);
  log.fs.remove(segments(log.fs)[0] ?? "");
  for (const putBack of [() => database.putBack(copy), () => database.drop()]) {
    putBack();
    await project(database, log);
    assert.equal([database.count("a"), database.count("b")], [2, 1]);
  }
  await log.log.close();
});

test("an old checkpoint of an epoch whose segments are gone is this log's own: the registration has it", async () => {
  const { log, database } = await logWith("a");
  await project(database, log);
  const copy = database.copy();
  await log.reopen();
  await log.hit("a");
  await project(database, log);
  await snapshot(log);
  log.fs.remove(segments(log.fs)[0] ?? "");
  database.putBack(copy);
  const { projector } = await prepare(database, log);
  await projector.cycle();
  assert.is(projector.status().state, "running", projector.status().lastError ?? "");
  assert.equal(missing(database, log), []);
  await log.log.close();
});

test("hits between the checkpoint and the snapshot are gone: every counter is owed", async () => {
  const { log, database } = await logWith("a");
  await project(database, log);
  await log.reopen();
  await log.hit("b");
  await log.reopen();
  await log.hit("c");
  await snapshot(log);
  for (const file of segments(log.fs).slice(0, 2)) log.fs.remove(file);
  const { counters } = await prepare(database, log);
  assert.equal([counters.documents.owed, counters.sum, counters.confirmedSum], [3, 3, 0]);
  await project(database, log);
  await log.log.close();
});

test("nothing to start from: refused with the reason", async () => {
  const { log, database } = await logWith("a");
  await log.reopen();
  await log.hit("b");
  log.fs.remove(segments(log.fs)[0] ?? "");
  assert.is(await codeOf(prepare(database, log)), "PROJECTION_HALTED");
  await log.log.close();
});

test("a snapshot taken past damage is not used: its hits must not be projected yet", async () => {
  const { log, database } = await logWith("a");
  const damage = { file: "x", byte: 0, from: 0, to: 1, expected: "a batch", found: "none" };
  await snapshot(log, [damage]);
  const { counters, follower } = await prepare(database, log);
  assert.equal([counters.sum, follower.position.offset], [1, 1], "folded from the log's birth");
  await log.log.close();
});

test("blocked counters are kept over restarts, also over a run that ends before it has read them", async () => {
  const { log, database } = await logWith("bad", "good");
  database.put("bad", { count: "many", logs: {} });
  const first = await prepare(database, log);
  first.projector.prepareStop();
  await first.projector.cycle();
  assert.equal((await registration(log)).blocked, ["bad"]);

  // Another epoch is claimed, and the process dies before it has read any document.
  await log.reopen();
  await log.hit("good");
  const second = await prepare(database, log);
  second.store.network = { ...second.store.network, fate: ({ kind }) => (kind === "read" ? "fail" : "ok") };
  assert.equal([...second.projector.status().blocked.keys()], ["bad"], "and shown before it is read");
  await second.projector.cycle().catch(() => undefined);
  assert.is(database.checkpoints.get(log.id)?.epoch, log.log.epoch);
  assert.equal((await registration(log)).blocked, ["bad"]);

  database.put("bad", { count: 0, logs: {} });
  await project(database, log);
  assert.equal((await registration(log)).blocked, []);
  await log.log.close();
});

test("forgotten, or with a registration that can't be read: all documents are read, and it is registered again", async () => {
  const { log, database } = await logWith("a");
  await project(database, log);
  await removeRegistration(directoryOn(log.fs), "mongodb");
  const { counters } = await prepare(database, log);
  assert.is(counters.documents.owed, 1);
  await log.hit("a");
  log.fs.put(`${DIRECTORY}/projections/mongodb.json`, Buffer.from("{"));
  await project(database, log);
  assert.is((await registration(log)).offset, 2);
  await log.log.close();
});

test("a snapshot within a batch is refused: half of the batch would count twice", async () => {
  const { log } = await logWith();
  await log.hitAll([
    { counter: "a", n: 1 },
    { counter: "a", n: 1 },
  ]);
  const totals = new Totals();
  totals.add(totals.indexOf("a"), 1);
  const { id: logId, epoch, nonce } = log.log;
  const facts = { logId, epoch, nonce, offset: 1, created: "", asOf: null, damage: [] };
  await writeSnapshot(directoryOn(log.fs), { facts, image: totals.image() });
  const options = {
    directory: directoryOn(log.fs),
    logId,
    maxOps: 10,
    durableEnd: undefined,
    onRemote: () => undefined,
  };
  const { follower } = await bootstrap(options);
  assert.is(await codeOf(follower.step()), "INVALID_RECORD");
  await log.log.close();
});

test("days of a snapshot's hits above the checkpoint are owed, without a scan of documents", async () => {
  const { log, database } = await logWith("a", "b");
  await project(database, log);
  for (const counter of ["a", "c"]) await log.hit(counter);
  await snapshot(log);
  const scans: Network = { ...SOUND, fate: ({ kind }) => (kind === "scan" ? "fail" : "ok") };
  const { projector } = await prepare(database, log, { network: scans });
  await projector.cycle().catch(() => undefined);
  assert.equal([wrongDays(database, [log]), missingDays(database, log)], [[], []]);
  assert.is(database.checkpoints.get(log.id)?.offset, 4);
  await log.log.close();
});

test.run();
