import { HitsError } from "../../errors.js";
import { type Client, isTrusted } from "../../model/access.js";
import { FairShare, type Holding } from "./fair-share.js";
import { TimeUsed } from "./time-used.js";

/** The time that work may take in one turn of the event loop. */
const SLICE_MS = 4;
/** Requests whose work waits, and those of them that operators and this machine can always have. */
const MAX_WAITING = 1024;
const RESERVED = 128;

/** The work of a request, done in slices. */
export interface Work {
  /** Works until a time on the clock of `performance.now()`, or a little longer. Returns true if some is left. */
  slice(until: number): boolean;
  /** Throws if there is no reason to continue: nobody waits for the answer, for example. */
  check(): void;
}

interface Waiting {
  readonly client: Client;
  readonly work: Work;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  holding: Holding | undefined;
}

/**
 * Shares the event loop among requests whose work takes longer than a hit's. In each of its turns such work gets 4 ms, so
 * that everything else is done in between; and it gets them in the order of the time that the clients have used lately,
 * operators and this machine first. While nothing waits, work begins at once.
 */
export class Turns {
  readonly used = new TimeUsed();
  readonly #now: () => number;
  readonly #share: FairShare;
  readonly #waiting = new Set<Waiting>();
  /** The time taken in this turn of the event loop. */
  #spent = 0;
  #isScheduled = false;

  constructor({ most = MAX_WAITING, now = () => performance.now() }: { most?: number; now?: () => number } = {}) {
    this.#now = now;
    this.#share = new FairShare({ capacity: most, reserve: Math.floor((most * RESERVED) / MAX_WAITING) });
  }

  /** Resolves once the work is done. Rejects with what it throws, or `QUEUE_FULL`: too much work waits. */
  async run(client: Client, work: Work): Promise<void> {
    if (this.#waiting.size === 0 && this.#spent < SLICE_MS && !this.#slice(client, work)) return;
    await new Promise<void>((resolve, reject) => this.#wait({ client, work, resolve, reject, holding: undefined }));
  }

  #wait(waiting: Waiting): void {
    waiting.holding = this.#share.take(waiting.client, 1, {
      evict: () => {
        this.#waiting.delete(waiting);
        waiting.reject(tooMuchWaits());
      },
    });
    if (waiting.holding === undefined) waiting.reject(tooMuchWaits());
    else {
      this.#waiting.add(waiting);
      this.#schedule();
    }
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#spent = 0;
      while (this.#spent < SLICE_MS) {
        const next = nextOf(this.#waiting, this.used, this.#now());
        if (next === undefined) return;
        this.#advance(next);
      }
    });
  }

  #advance(waiting: Waiting): void {
    try {
      waiting.work.check();
      if (this.#slice(waiting.client, waiting.work)) return;
      waiting.resolve();
    } catch (error) {
      waiting.reject(error);
    }
    this.#waiting.delete(waiting);
    waiting.holding?.release();
  }

  #slice(client: Client, work: Work): boolean {
    const since = this.#now();
    try {
      return work.slice(since + SLICE_MS - this.#spent);
    } finally {
      const now = this.#now();
      this.#spent += now - since;
      this.used.add(client.key, now - since, now);
      // If nothing waits, the next turn only starts to count again.
      this.#schedule();
    }
  }
}

/** Returns whose turn it is: of the trusted clients if there are any, the one that has used the least time lately. */
export function nextOf<T extends { readonly client: Client }>(
  waiting: Iterable<T>,
  used: TimeUsed,
  now: number,
): T | undefined {
  let next: T | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const one of waiting) {
    const time = used.of(one.client.key, now) + (isTrusted(one.client) ? 0 : STRANGERS_AFTER);
    if (time >= least) continue;
    next = one;
    least = time;
  }
  return next;
}

/** More than anybody has used. */
const STRANGERS_AFTER = 1e9;

function tooMuchWaits(): HitsError {
  return new HitsError("QUEUE_FULL", "too many requests wait for their turn; try again");
}
