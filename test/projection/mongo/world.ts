import { syncBuiltinESMExports } from "node:module";
import timers from "node:timers/promises";
import { StoreError } from "../../../src/projection/mongo/store.js";
import { seeded } from "../../support/memory-file.js";
import type { Fate, Network, StoreCall } from "./fake-store.js";

interface Sleeper {
  readonly due: number;
  readonly wake: () => void;
}

const original = { sleep: timers.setTimeout, now: performance.now.bind(performance), random: Math.random };

/** Probabilities of what can go wrong with a call. */
export interface Faults {
  readonly fail: number;
  readonly lost: number;
  readonly late: number;
  readonly twice: number;
  /** Some updates of a command are lost, or it ends at one. */
  readonly partial: number;
}

export const NO_FAULTS: Faults = { fail: 0, lost: 0, late: 0, twice: 0, partial: 0 };

/**
 * A world with a clock and an order of events of its own: every call to a store waits until a seed picks it, to take effect
 * and again to answer, and time passes only when somebody is woken from a sleep. So two projectors interleave at every
 * await, and an hour takes no time.
 */
export class World {
  readonly random: () => number;
  faults: Faults = NO_FAULTS;
  now = 0;
  #waiting: (() => void)[] = [];
  #sleeping: Sleeper[] = [];

  constructor(seed: number) {
    this.random = seeded(seed);
  }

  /** Makes this world's clock, sleep and chance those of the process, until `leave`: a seed gives always the same run. */
  enter(): void {
    performance.now = () => this.now;
    Math.random = this.random;
    timers.setTimeout = ((ms: number, value: unknown, options?: { signal?: AbortSignal }) =>
      this.#sleep(ms, value, options?.signal)) as typeof timers.setTimeout;
    syncBuiltinESMExports();
  }

  leave(): void {
    performance.now = original.now;
    Math.random = original.random;
    timers.setTimeout = original.sleep;
    syncBuiltinESMExports();
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  below(limit: number): number {
    return Math.min(limit - 1, Math.floor(this.random() * limit));
  }

  /** Resolves when this world picks it. */
  turn(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Makes one thing happen: a call proceeds, or the next sleeper wakes. */
  async step(): Promise<void> {
    if (this.#waiting.length > 0 && (this.#sleeping.length === 0 || this.chance(0.85))) {
      const [next] = this.#waiting.splice(this.below(this.#waiting.length), 1);
      next?.();
    } else {
      this.#wakeNext();
    }
    await settled();
  }

  /** A network in which this world's faults happen, between an `isAlive` projector and the database. */
  network(isAlive: () => boolean): Network {
    return {
      fate: (call) => this.#fate(call),
      turn: async () => {
        await this.turn();
        // What its process had sent may still arrive; no answer comes back.
        if (!isAlive()) return this.chance(0.5) ? undefined : new Promise<never>(() => undefined);
      },
    };
  }

  #fate(call: StoreCall): Fate {
    const { fail, lost, late, twice, partial } = this.faults;
    let roll = this.random();
    const isIt = (probability: number) => {
      const it = roll >= 0 && roll < probability;
      roll -= probability;
      return it;
    };
    if (isIt(fail)) return "fail";
    if (isIt(lost)) return "lost";
    if (isIt(late)) return "late";
    if (isIt(twice)) return "twice";
    if (call.kind !== "apply" || !isIt(partial)) return "ok";
    if (this.chance(0.2)) return { error: new StoreError("transient", "refused as a whole") };
    const end = this.below(call.updates.length);
    const lottery = call.updates.map(() => this.chance(0.5));
    return { some: this.chance(0.5) ? (index) => index < end : (index) => lottery[index] === true };
  }

  #sleep(ms: number, value: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#sleeping = this.#sleeping.filter((other) => other !== sleeper);
        reject(new Error("aborted"));
      };
      const wake = () => {
        signal?.removeEventListener("abort", abort);
        resolve(value);
      };
      const sleeper: Sleeper = { due: this.now + ms, wake };
      if (signal?.aborted === true) {
        reject(new Error("aborted"));
        return;
      }
      signal?.addEventListener("abort", abort);
      this.#sleeping.push(sleeper);
    });
  }

  #wakeNext(): void {
    const [first] = this.#sleeping.sort((a, b) => a.due - b.due).splice(0, 1);
    if (first === undefined) return;
    this.now = Math.max(this.now, first.due);
    first.wake();
  }
}

/** Resolves once everything that can proceed without this world has done so. */
export async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
