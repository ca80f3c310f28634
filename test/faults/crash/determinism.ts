import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import timers from "node:timers/promises";
import { seeded } from "../../support/memory-file.js";

/**
 * Takes chance and time out of this process: ids, nonces, clocks and timers come from a seed and from `advance`, so that a
 * workload does the same operations in the same order each time. For processes that run nothing else.
 */
export interface Determinism {
  /** Restarts with a seed: the same seed gives the same run. */
  seed(seed: number): void;
  /** Lets time pass, and the timers that become due. */
  advance(milliseconds: number): void;
}

const BIRTH = Date.UTC(2026, 0, 15);

export function takeChanceAndTime(): Determinism {
  let random = seeded(0);
  let now = BIRTH;
  let due: { readonly at: number; readonly run: () => void }[] = [];

  const bytes = (size: number) => Buffer.from(Array.from({ length: size }, () => Math.floor(random() * 256)));
  Object.assign(crypto, { randomBytes: bytes, randomInt: (max: number) => Math.floor(random() * max) });
  // Only commands that look twice at a live log wait so.
  Object.assign(timers, { setTimeout: () => new Promise((resolve) => setImmediate(resolve)) });
  syncBuiltinESMExports();

  const RealDate = Date;
  class SeededDate extends RealDate {
    constructor(time: number | string = now) {
      super(time);
    }
    static override now(): number {
      return now;
    }
  }
  globalThis.Date = SeededDate as DateConstructor;
  const later = (run: () => void, milliseconds = 0) => {
    const timer = { at: now + milliseconds, run, unref: () => timer, ref: () => timer };
    due.push(timer);
    return timer;
  };
  const cancel = (timer: unknown) => {
    due = due.filter((other) => other !== timer);
  };
  Object.assign(globalThis, { setTimeout: later, clearTimeout: cancel });

  return {
    seed(seed) {
      random = seeded(seed);
      now = BIRTH;
      due = [];
    },
    advance(milliseconds) {
      now += milliseconds;
      const ready = due.filter(({ at }) => at <= now);
      due = due.filter(({ at }) => at > now);
      for (const { run } of ready) run();
    },
  };
}
