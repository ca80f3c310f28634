import type { Client } from "../../model/access.js";
import { nextOf, type Turns } from "./turns.js";

interface Waiting {
  readonly client: Client;
  readonly check: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Does one piece of work at a time, from its first step to its last; the next is that of the client whose turn it is. */
export class Lane {
  readonly #turns: Turns;
  readonly #waiting = new Set<Waiting>();
  #isTaken = false;

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  /** Resolves to the result of the work. Rejects with what it rejects with, or with what `check` throws while it waits. */
  async use<T>(client: Client, check: () => void, work: () => Promise<T>): Promise<T> {
    if (this.#isTaken) {
      await new Promise<void>((resolve, reject) => this.#waiting.add({ client, check, resolve, reject }));
    }
    this.#isTaken = true;
    try {
      return await work();
    } finally {
      this.#next();
    }
  }

  /** Lets those go that have no more reason to wait. */
  sweep(): void {
    for (const waiting of this.#waiting) {
      try {
        waiting.check();
      } catch (error) {
        this.#waiting.delete(waiting);
        waiting.reject(error);
      }
    }
  }

  #next(): void {
    const next = nextOf(this.#waiting, this.#turns.used, performance.now());
    this.#isTaken = next !== undefined;
    if (next === undefined) return;
    this.#waiting.delete(next);
    next.resolve();
  }
}
