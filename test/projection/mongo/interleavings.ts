/**
 * Two projectors of one log at once and one of another, interleaved at every await by a seed, while hits come in, answers
 * are lost, writes arrive late or twice, processes are killed, and the database is put back or dropped.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { FakeDatabase } from "./fake-database.js";
import { HitLog, missing, missingDays, wrong, wrongDays } from "./hit-log.js";
import { type Running, start } from "./running.js";
import { NO_FAULTS, World } from "./world.js";

const NAMES = ["home", "about", "blog", "talk", "x"];

interface Plan {
  /** The part of the database that is put back: none, the whole (or it is dropped), or documents without the checkpoint. */
  readonly restores: "none" | "whole" | "documents";
  /** False makes every scan of counters fail: what a reconnect makes uncertain must be found without a scrub. */
  readonly scrub: boolean;
  readonly steps: number;
}

class Scenario {
  readonly world: World;
  readonly database = new FakeDatabase();
  readonly plan: Plan;
  logs: HitLog[] = [];
  /** Outlives the writer of its log; the others are restarted with it. */
  runnings: { running: Running; log: HitLog; inside: boolean }[] = [];
  /** The database has been put back: a checkpoint can be ahead of documents for a while. */
  restored = false;

  constructor(seed: number, plan: Plan) {
    this.world = new World(seed);
    this.plan = plan;
  }

  async run(): Promise<void> {
    const { world } = this;
    const lone = world.chance(0.3);
    for (let index = 0; index < (lone ? 1 : 2); index++) this.logs.push(await HitLog.open());
    const [first, second] = this.logs;
    if (first !== undefined) {
      await this.start(first, true);
      await this.start(first, false);
    }
    if (second !== undefined) await this.start(second, true);
    const likely = () => (world.chance(0.5) ? 0 : 0.15 * world.random());
    world.faults = { fail: likely(), lost: likely(), late: likely(), twice: likely(), partial: likely() };
    let copy = this.database.copy();
    for (let step = 0; step < this.plan.steps; step++) {
      const roll = world.random();
      if (roll < 0.06) await this.hit();
      else if (roll < 0.07) await this.reopen();
      else if (roll < 0.08) await this.restart();
      else if (roll < 0.1) this.database.deliver((length) => world.below(Math.max(1, length)));
      else if (roll < 0.11) copy = this.database.copy();
      // So that the last inspection is long ago.
      else if (roll < 0.115) world.now += 15_000;
      else if (roll < 0.125 && this.plan.restores !== "none") this.restore(copy);
      else await world.step();
      this.check(`step ${step}`);
    }
    await this.quiesce();
  }

  async start(log: HitLog, inside: boolean): Promise<void> {
    // If only documents are put back, only the scrub can find out.
    const scrubEveryMs = this.plan.restores === "documents" ? 2000 : 10 * 60_000;
    const running = await start(this.world, this.database, log, { inside, maxOps: 2, scrubEveryMs });
    const { network } = running.store;
    const fate: typeof network.fate = (call) =>
      call.kind === "scan" && call.collection === "counters" && !this.plan.scrub ? "fail" : network.fate(call);
    running.store.network = { ...network, fate };
    this.runnings.push({ running, log, inside });
  }

  async hit(): Promise<void> {
    const { world } = this;
    const log = this.logs[world.below(this.logs.length)];
    const names = Array.from({ length: 1 + world.below(4) }, () => NAMES[world.below(NAMES.length)] ?? "x");
    // Now and then with a time of its own, on one of a few days.
    const time = () => (world.chance(0.5) ? {} : { at: Date.UTC(2026, 0, 1 + world.below(4), world.below(3)) });
    await log?.hitAll(names.map((counter) => ({ counter, n: 1 + world.below(3), ...time() })));
  }

  /** Reopens the log: a new epoch. */
  async reopen(): Promise<void> {
    const log = this.logs[this.world.below(this.logs.length)];
    if (log === undefined) return;
    await log.reopen();
    for (const each of this.runnings.filter((one) => one.inside && one.log === log)) await this.replace(each);
  }

  async restart(): Promise<void> {
    const each = this.runnings[this.world.below(this.runnings.length)];
    if (each !== undefined) await this.replace(each);
  }

  async replace(each: { running: Running; log: HitLog; inside: boolean }): Promise<void> {
    each.running.kill();
    this.runnings = this.runnings.filter((one) => one !== each);
    await this.start(each.log, each.inside);
  }

  restore(copy: ReturnType<FakeDatabase["copy"]>): void {
    const { world, database } = this;
    this.restored = true;
    if (this.plan.restores === "documents") database.putBack(copy, "documents");
    else if (world.chance(0.3)) database.drop();
    else database.putBack(copy);
    // No driver reports that only documents were put back. Each reports a restart in its own time.
    if (this.plan.restores === "documents") return;
    for (const { running } of this.runnings) void world.turn().then(() => running.projector.noteChange(true));
  }

  check(when: string): void {
    assert.equal(wrong(this.database, this.logs), [], when);
    assert.equal(wrongDays(this.database, this.logs), [], when);
    if (this.restored) return;
    for (const log of this.logs) {
      const below = this.database.checkpoints.get(log.id)?.offset ?? 0;
      assert.equal(missing(this.database, log, below), [], `${when}: below the checkpoint ${below}`);
      assert.equal(missingDays(this.database, log, below), [], `${when}: days below the checkpoint ${below}`);
    }
  }

  async quiesce(): Promise<void> {
    const { world, database } = this;
    world.faults = NO_FAULTS;
    database.deliver((length) => world.below(Math.max(1, length)));
    const isDone = () =>
      this.logs.every((log) => {
        const last = Math.max(0, ...log.hits.map(({ offset }) => offset + 1));
        const isThere = missing(database, log).length + missingDays(database, log).length === 0;
        return isThere && (database.checkpoints.get(log.id)?.offset ?? 0) >= last;
      });
    for (let step = 0; !isDone(); step++) {
      assert.ok(
        step < 6000,
        `not at rest: ${JSON.stringify(this.runnings.map(({ running }) => running.projector.status()))}`,
      );
      await world.step();
      this.check("coming to rest");
    }
    database.deliver();
    this.check("after the last late writes");
    for (const { running, log } of this.runnings) {
      const { state, blocked } = running.projector.status();
      assert.is(state === "halted", false, running.projector.status().lastError ?? "");
      assert.is(blocked.size, 0);
      assert.equal(missing(database, log), []);
      assert.equal(missingDays(database, log), []);
      running.kill();
    }
    for (const log of this.logs) await log.log.close();
  }
}

/** Declares the tests, each with so many scenarios, of seeds from the first on. */
export function interleavingTests(first: number, scenarios: number): void {
  const run = (plan: Plan) => async () => {
    for (let seed = first; seed < first + scenarios; seed++) await runScenario(seed, plan);
  };
  const steps = 250;
  test(
    "exact at every moment, and the checkpoint never ahead of the data",
    run({ restores: "none", scrub: true, steps }),
  );
  test("exact, whenever the database is put back or dropped", run({ restores: "whole", scrub: false, steps }));
  test(
    "exact, though only the documents are put back, and the checkpoint is not",
    run({ restores: "documents", scrub: true, steps }),
  );
}

async function runScenario(seed: number, plan: Plan): Promise<void> {
  const scenario = new Scenario(seed, plan);
  scenario.world.enter();
  try {
    await scenario.run();
  } catch (error) {
    if (error instanceof Error) error.message = `SEED=${seed} ${JSON.stringify(plan)}: ${error.message}`;
    throw error;
  } finally {
    scenario.world.leave();
  }
}
