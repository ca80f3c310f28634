/** The loops of a projector in an outage: how they wait, what they keep, and how they end. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HitsError } from "../../../src/errors.js";
import { StoreError } from "../../../src/projection/mongo/store.js";
import { FakeDatabase } from "./fake-database.js";
import { SOUND } from "./fake-store.js";
import { HitLog, missing, wrong } from "./hit-log.js";
import { start, until } from "./running.js";
import { settled, World } from "./world.js";

async function inWorld(use: (world: World, log: HitLog, database: FakeDatabase) => Promise<void>): Promise<void> {
  const world = new World(1);
  world.enter();
  const log = await HitLog.open();
  try {
    await use(world, log, new FakeDatabase());
  } finally {
    await log.log.close();
    world.leave();
  }
}

/** The times of the attempts, in milliseconds of the world. */
function triesOf(world: World, error: StoreError) {
  const tries: number[] = [];
  const network = {
    ...SOUND,
    fate: () => {
      tries.push(world.now);
      return { error };
    },
  };
  return { tries, network };
}

function gaps(tries: readonly number[]): number[] {
  return tries.slice(1).map((at, index) => at - (tries[index] ?? 0));
}

test("retried for ever, at most a second apart, while hits wait", () =>
  inWorld(async (world, log, database) => {
    await log.hit("home");
    const { tries, network } = triesOf(world, new StoreError("transient", "no server"));
    const running = await start(world, database, log, { network });
    await until(world, "an hour has passed", () => world.now > 3_600_000, 400_000);
    assert.ok(tries.length > 3600, `${tries.length} tries in an hour`);
    assert.ok(
      gaps(tries).every((gap) => gap <= 1001),
      `${Math.max(...gaps(tries))} ms`,
    );
    const { state, lastError, lag, errors } = running.projector.status();
    assert.equal([state, lastError, lag], ["retrying", "no server", 1]);
    assert.ok(errors > 3600 && errors <= tries.length, `${errors} errors, ${tries.length} calls`);
    running.store.network = SOUND;
    await until(world, "projected", () => missing(database, log).length === 0);
    assert.equal([running.projector.status().state, running.projector.status().lastError], ["running", null]);
    assert.ok(running.projector.status().errors >= errors, "what there was stays counted");
    running.kill();
  }));

test("refused credentials: retried at most every 30 s after some attempts", () =>
  inWorld(async (world, log, database) => {
    await log.hit("home");
    const { tries, network } = triesOf(world, new StoreError("credentials", "Authentication failed"));
    const running = await start(world, database, log, { network });
    await until(world, "half an hour has passed", () => world.now > 1_800_000, 400_000);
    const late = gaps(tries).slice(12);
    assert.ok(
      late.every((gap) => gap >= 15_000 && gap <= 30_001),
      JSON.stringify(late),
    );
    running.kill();
  }));

test("a driver that sees the server again wakes it", () =>
  inWorld(async (world, log, database) => {
    await log.hit("home");
    const { network } = triesOf(world, new StoreError("credentials", "Authentication failed"));
    const running = await start(world, database, log, { network });
    await until(world, "it waits long", () => world.now > 600_000, 400_000);
    running.store.network = SOUND;
    const { now } = world;
    running.projector.noteChange(true);
    for (let turn = 0; turn < 20; turn++) await settled();
    assert.equal(missing(database, log), []);
    assert.is(world.now, now);
    running.kill();
  }));

test("an outage of any length: the log is still folded, and no more is owed than there are counters", () =>
  inWorld(async (world, log, database) => {
    const { network } = triesOf(world, new StoreError("transient", "no server"));
    const running = await start(world, database, log, { network });
    const owed: number[] = [];
    for (let part = 0; part < 60; part++) {
      await log.hitAll(Array.from({ length: 500 }, (_, at) => ({ counter: `c${at % 20}`, n: 1 })));
      await until(world, "folded", () => running.counters.sum === log.hits.length);
      owed.push(running.counters.documents.owed);
    }
    assert.equal(new Set(owed), new Set([20]));
    assert.equal([running.counters.size, running.projector.status().lag], [20, 30_000]);
    running.store.forgetCalls();
    running.store.network = SOUND;
    await until(world, "projected", () => running.projector.isFlushed);
    const updates = running.store.calls.reduce((sum, call) => sum + call.updates.length, 0);
    assert.is(updates, 20, "one update a counter, after 30,000 hits");
    assert.equal([wrong(database, [log]), missing(database, log)], [[], []]);
    running.kill();
  }));

test("stops before damage and reports it; hits before it are projected", () =>
  inWorld(async (world, log, database) => {
    await log.hit("home", 1, 3);
    const before = log.log.end;
    await log.reopen();
    await log.hit("home", 1, 2);
    const [file = ""] = log.fs.names("/log").filter((name) => name.endsWith(".log"));
    const bytes = log.fs.content(`/log/${file}`);
    const at = bytes.indexOf("home");
    await log.hit("late");
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    log.fs.put(`/log/${file}`, bytes);
    const running = await start(world, database, log, { inside: false });
    await until(world, "it has looked", () => running.projector.status().asOf > 0);
    const { state, lastError } = running.projector.status();
    assert.is(state, "halted");
    assert.match(lastError ?? "", /^stopped before damage: /);
    assert.ok(before > 0);
    assert.equal(database.slot("late", log.id), undefined, "nothing from after the damage");
    running.kill();
  }));

test("a stop ends both loops, and a log that can't be followed ends the projection with the reason", () =>
  inWorld(async (world, log, database) => {
    await log.hit("home");
    const running = await start(world, database, log);
    await until(world, "projected", () => running.projector.isFlushed);
    running.projector.stop();
    let over = false;
    void running.ended.then(() => {
      over = true;
    });
    await until(world, "ended", () => over);

    const again = await start(world, database, log);
    log.log.append({ bytes: Buffer.from([3, 9, 0, 0]), count: 1, durable: () => undefined, failed: () => undefined });
    let reason: unknown;
    again.ended.catch((error: unknown) => {
      reason = error;
    });
    await until(world, "ended", () => reason !== undefined);
    assert.is(reason instanceof HitsError && reason.code, "UNKNOWN_RECORD_TYPE");
  }));

test.run();
