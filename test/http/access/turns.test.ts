import { test } from "uvu";
import * as assert from "uvu/assert";
import { HitsError } from "../../../src/errors.js";
import { Lane } from "../../../src/http/access/lane.js";
import { TimeUsed } from "../../../src/http/access/time-used.js";
import { Turns } from "../../../src/http/access/turns.js";
import type { Client } from "../../../src/model/access.js";

/** A clock that only work moves. */
class Clock {
  ms = 0;
  readonly now = () => this.ms;
}

const stranger = (key: number): Client => ({ key, standing: "stranger" });
const OPERATOR: Client = { key: 99, standing: "operator" };

/** Work that takes so long in all, a millisecond at a time, and notes its slices. */
function work(clock: Clock, name: string, ms: number, log: string[], check: () => void = () => undefined) {
  let left = ms;
  return {
    check,
    slice: (until: number) => {
      log.push(name);
      while (left > 0) {
        clock.ms++;
        left--;
        if (clock.ms >= until) break;
      }
      return left > 0;
    },
  };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test("work begins at once while nothing waits, and gets 4 ms in a turn of the event loop", async () => {
  const clock = new Clock();
  const turns = new Turns({ now: clock.now });
  const log: string[] = [];
  const done = turns.run(stranger(1), work(clock, "a", 20, log));
  assert.is(clock.ms, 4, "it began before this turn ended");
  const small = turns.run(stranger(2), work(clock, "b", 1, log));
  assert.equal(log, ["a"], "nothing is left of this turn");
  await turn();
  assert.is(clock.ms, 8);
  await Promise.all([done, small]);
  assert.equal(log, ["a", "b", "a", "a", "a", "a", "a"]);
  assert.is(clock.ms, 21);
});

test("small work of many requests is done at once until 4 ms are over", async () => {
  const clock = new Clock();
  const turns = new Turns({ now: clock.now });
  const log: string[] = [];
  const all = Array.from({ length: 10 }, () => turns.run(stranger(1), work(clock, "a", 1, log)));
  assert.is(log.length, 4);
  await turn();
  assert.is(log.length, 8);
  await Promise.all(all);
  assert.is(log.length, 10);
});

test("the next slice is for who has used least lately, operators first", async () => {
  const clock = new Clock();
  const turns = new Turns({ now: clock.now });
  const log: string[] = [];
  const busy = turns.run(stranger(1), work(clock, "busy", 16, log));
  const later = turns.run(stranger(1), work(clock, "busy too", 4, log));
  const rare = turns.run(stranger(2), work(clock, "rare", 8, log));
  const operator = turns.run(OPERATOR, work(clock, "operator", 8, log));
  await Promise.all([busy, later, rare, operator]);
  const expected = ["busy", "operator", "operator", "rare", "busy", "rare", "busy", "busy", "busy too"];
  assert.equal(log, expected);
});

test("what was used counts half as much after ten seconds, and clients are bounded", () => {
  const used = new TimeUsed();
  used.add(1, 100, 0);
  assert.is(used.of(1, 10_000), 50);
  used.add(1, 10, 10_000);
  assert.is(used.of(1, 20_000), 30);
  for (let key = 2; key < 10_000; key++) used.add(key, 1, 20_000);
  assert.is(used.of(1, 20_000), 0);
  assert.is(used.of(9999, 20_000), 1);
});

test("over the bound, the client with most waiting gives way", async () => {
  const clock = new Clock();
  const turns = new Turns({ most: 16, now: clock.now });
  const log: string[] = [];
  const codes: string[] = [];
  const note = (name: string) => (error: unknown) =>
    codes.push(`${name} ${error instanceof HitsError ? error.code : error}`);
  const running = turns.run(OPERATOR, work(clock, "first", 20, log));
  const greedy = Array.from({ length: 20 }, () => turns.run(stranger(1), work(clock, "a", 1, log)).catch(note("a")));
  const other = turns.run(stranger(2), work(clock, "b", 1, log)).catch(note("b"));
  await Promise.all([running, ...greedy, other]);
  assert.ok(log.includes("b"));
  assert.is(codes.length, 6);
  assert.equal(new Set(codes), new Set(["a QUEUE_FULL"]));
});

test("work that nobody wants any more, or that fails, leaves the queue", async () => {
  const clock = new Clock();
  const turns = new Turns({ now: clock.now });
  const log: string[] = [];
  let isGone = false;
  const check = () => {
    if (isGone) throw new Error("gone");
  };
  const gone = turns.run(stranger(1), work(clock, "a", 20, log, check)).catch(String);
  isGone = true;
  assert.is(await gone, "Error: gone");
  assert.equal(log, ["a"]);
  const failing = {
    check: () => undefined,
    slice: () => {
      throw new Error("broken");
    },
  };
  assert.is(await turns.run(stranger(1), failing).catch(String), "Error: broken");
  await turns.run(stranger(1), work(clock, "b", 20, log));
  assert.is(log.at(-1), "b");
});

test("a lane does one piece of work at a time, next that of who has used least", async () => {
  const turns = new Turns();
  turns.used.add(1, 1000, performance.now());
  const lane = new Lane(turns);
  const log: string[] = [];
  let under = 0;
  const use = (client: Client, name: string, check: () => void = () => undefined) =>
    lane.use(client, check, async () => {
      assert.is(++under, 1);
      log.push(name);
      await turn();
      under--;
      if (name === "fails") throw new Error(name);
      return name;
    });
  let isLost = false;
  const all = [
    use(stranger(2), "fails").catch(String),
    use(stranger(1), "busy"),
    use(stranger(3), "rare"),
    use(stranger(4), "lost", () => {
      if (isLost) throw new Error("lost");
    }).catch(String),
    use(OPERATOR, "operator"),
  ];
  isLost = true;
  lane.sweep();
  assert.equal(await Promise.all(all), ["Error: fails", "busy", "rare", "Error: lost", "operator"]);
  assert.equal(log, ["fails", "operator", "rare", "busy"]);
  assert.is(await use(stranger(1), "again"), "again");
});

test.run();
