import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Fold, FoldQueue } from "../../src/projection/fold-queue.js";

/** A queue whose turns a test runs one by one, by a clock that each step moves. */
class Turns {
  readonly queue: FoldQueue;
  now = 0;
  readonly done: string[] = [];
  #next: (() => void)[] = [];

  constructor() {
    this.queue = new FoldQueue({ later: (run) => this.#next.push(run), now: () => this.now });
  }

  /** Runs one turn of the event loop; returns false if nothing waits for one. */
  run(): boolean {
    const runs = this.#next;
    this.#next = [];
    for (const run of runs) run();
    return runs.length > 0;
  }

  /** A fold of so many steps, each of which takes so long. */
  fold(name: string, steps: number, milliseconds: number): Fold {
    let left = steps;
    return {
      step: () => {
        this.now += milliseconds;
        this.done.push(name);
        return --left === 0;
      },
    };
  }
}

test("folds are done in order, a few milliseconds in each turn", () => {
  const turns = new Turns();
  turns.queue.push(turns.fold("a", 20, 1));
  turns.queue.push(turns.fold("b", 3, 1));
  let longest = 0;
  for (let before = turns.now; turns.run(); before = turns.now) longest = Math.max(longest, turns.now - before);
  assert.equal(turns.done, [...Array(20).fill("a"), ...Array(3).fill("b")]);
  assert.ok(longest <= 8, `${longest} ms in one turn`);
  assert.is(turns.queue.isEmpty, true);
});

test("in order: at once if nothing waits, else after what waits", () => {
  const turns = new Turns();
  turns.queue.inOrder(() => turns.done.push("at once"));
  turns.queue.push(turns.fold("a", 2, 5));
  turns.queue.inOrder(() => turns.done.push("later"));
  assert.equal(turns.done, ["at once"]);
  while (turns.run());
  assert.equal(turns.done, ["at once", "a", "a", "later"]);
});

test("settled: resolves when the queue has become empty, and whoever adds much waits only while somebody waits for that", async () => {
  const turns = new Turns();
  await turns.queue.settled();
  assert.is(turns.queue.settling, undefined);
  turns.queue.push(turns.fold("a", 3, 5));
  assert.is(turns.queue.settling, undefined);
  const settled = turns.queue.settled().then(() => assert.is(turns.queue.isEmpty, true));
  const held = turns.queue.settling;
  assert.ok(held);
  while (turns.run());
  await Promise.all([settled, held]);
  assert.is(turns.queue.settling, undefined);
});

test("ten thousand folds, more of which come while they are done: none is lost, none done twice", () => {
  const turns = new Turns();
  let done = 0;
  const push = () => turns.queue.inOrder(() => ++done);
  turns.queue.push(turns.fold("first", 1, 5));
  for (let i = 0; i < 10_000; i++) push();
  turns.queue.push(turns.fold("between", 2, 5));
  turns.run();
  for (let i = 0; i < 10_000; i++) push();
  while (turns.run());
  assert.is(done, 20_000);
});

test.run();
