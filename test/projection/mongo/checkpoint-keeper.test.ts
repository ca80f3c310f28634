import { test } from "uvu";
import * as assert from "uvu/assert";
import { CheckpointKeeper } from "../../../src/projection/mongo/checkpoint-keeper.js";
import { Epochs } from "../../../src/projection/mongo/epochs.js";
import type { Checkpoint } from "../../../src/projection/mongo/store.js";
import { directoryOn } from "../../support/log-files.js";
import { FakeDatabase } from "./fake-database.js";
import { FakeStore } from "./fake-store.js";
import { HitLog } from "./hit-log.js";
import { World } from "./world.js";

async function setUp(registered?: Checkpoint) {
  const log = await HitLog.open();
  await log.hit("home", 1, 5);
  const database = new FakeDatabase();
  const store = new FakeStore(database, log.id);
  const epochs = new Epochs(directoryOn(log.fs), []);
  await epochs.refresh();
  const keeper = new CheckpointKeeper(store, epochs, registered);
  const at = (offset: number): Checkpoint => ({ offset, epoch: log.log.epoch, nonce: log.log.nonce });
  const inspect = (offset = 5, ends = 0) => keeper.inspect({ position: at(offset), ends });
  return { log, database, store, keeper, at, inspect };
}

test("claims once, moves only forward, and always from what was seen", async () => {
  const { log, database, store, keeper, at, inspect } = await setUp();
  assert.equal(await inspect(), { state: "current", checkpoint: undefined });
  assert.not.ok(keeper.hasClaimed(at(5)));
  assert.ok(await keeper.claim(at(5)));
  assert.equal(database.checkpoints.get(log.id), at(0));
  assert.ok(await keeper.claim(at(5)));
  assert.is(store.made("writeCheckpoint"), 1);
  assert.ok(await keeper.advance(at(5)));
  assert.ok(await keeper.advance(at(3)));
  assert.equal(database.checkpoints.get(log.id), at(5));
  // Another projector of this log was faster.
  database.checkpoints.set(log.id, at(7));
  assert.not.ok(await keeper.advance(at(6)));
  assert.equal(database.checkpoints.get(log.id), at(7));
  await log.log.close();
});

test("gone back: missing or older than before, or than the directory has it; reported once", async () => {
  const { log, database, keeper, at, inspect } = await setUp();
  await inspect();
  await keeper.claim(at(5));
  await keeper.advance(at(5));
  database.checkpoints.set(log.id, at(4));
  assert.is((await inspect()).state, "reverted");
  assert.is((await inspect()).state, "current");
  database.drop();
  assert.is((await inspect()).state, "reverted");
  assert.is((await inspect()).state, "current");
  const other = await setUp({ offset: 3, epoch: log.log.epoch, nonce: log.log.nonce });
  assert.is((await other.inspect()).state, "reverted");
  await Promise.all([log.log.close(), other.log.log.close()]);
});

test("the offset: as the database has it, before that as the directory has it", async () => {
  const { log, database, keeper, at, inspect } = await setUp({ offset: 3, epoch: 1, nonce: "n" });
  assert.is(keeper.offset, 3);
  database.checkpoints.set(log.id, at(4));
  await inspect();
  assert.is(keeper.offset, 4);
  await log.log.close();
});

test("a later epoch's claim is not taken back by a projector that is still in the one before", async () => {
  const { log, database, keeper, at, inspect } = await setUp();
  const old = at(5);
  await log.reopen();
  await log.hit("home");
  database.checkpoints.set(log.id, at(2));
  await inspect();
  assert.ok(keeper.hasClaimed(old));
  assert.ok(await keeper.advance({ ...old, offset: 4 }));
  assert.equal(database.checkpoints.get(log.id), at(4));
  await log.log.close();
});

test("a change makes more uncertain than what came after the last checkpoint: some seconds before it, too", async () => {
  const world = new World(1);
  world.enter();
  try {
    const { log, database, keeper, at, inspect } = await setUp();
    await inspect();
    await keeper.claim(at(5));
    await keeper.advance(at(1));
    world.now = 11_000;
    await inspect();
    await keeper.advance(at(2));
    world.now = 12_000;
    await inspect();
    assert.is(keeper.certain, 0, "written a moment ago: it proves nothing about a copy that was put back");
    world.now = 22_000;
    await inspect();
    assert.is(keeper.certain, 1);
    // A copy that was put back once may be put back again, wherever the checkpoint has moved.
    database.checkpoints.set(log.id, at(0));
    await inspect();
    await keeper.advance(at(3));
    assert.is(keeper.certain, 0);
    await log.log.close();
  } finally {
    world.leave();
  }
});

test("past this projector: halted only once it has reached the end of the log since", async () => {
  const { log, database, at, inspect } = await setUp();
  database.checkpoints.set(log.id, at(9));
  assert.is((await inspect(5, 3)).state, "current");
  assert.is((await inspect(5, 4)).state, "current", "that end may have been reached before the checkpoint was read");
  assert.is((await inspect(5, 5)).state, "foreign");
  assert.is((await inspect(9, 6)).state, "current");
  await log.log.close();
});

test.run();
