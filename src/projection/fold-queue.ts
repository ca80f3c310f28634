/** A part of the log that is durable, and counted, but not yet in the rest of the local projection. */
export interface Fold {
  /** Adds the next few hundred hits. Returns true once all are added. */
  step(): boolean;
}

export interface FoldQueueOptions {
  /** Calls a function in a later turn of the event loop. */
  readonly later: (run: () => void) => void;
  readonly now: () => number;
}

/** The most time without a turn of the event loop; a step comes on top. */
const SLICE_MS = 3;
const REAL: FoldQueueOptions = { later: setImmediate, now: () => performance.now() };

/** Replaces a fold that is done, so that its memory is not kept. */
const DONE: Fold = { step: () => true };
const MAX_DONE = 4096;

/** What remains to be folded, in the order of the log: done in slices, so that other requests have their turns in between. */
export class FoldQueue {
  readonly #options: FoldQueueOptions;
  #folds: Fold[] = [];
  /** Folds at the start of the list that are done. */
  #done = 0;
  #waiting: (() => void)[] = [];
  #settling: Promise<void> | undefined;

  constructor(options = REAL) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#folds.length === 0;
  }

  /** While somebody waits for the queue to be empty: resolves once it was. Who adds much to the queue waits for that. */
  get settling(): Promise<void> | undefined {
    return this.#settling;
  }

  /** Adds a fold after all others. */
  push(fold: Fold): void {
    this.#folds.push(fold);
    if (this.#folds.length === 1) this.#options.later(() => this.#runSlice());
  }

  /** Calls a function in its place in the order of the log: now, if the queue is empty. */
  inOrder(run: () => void): void {
    if (this.isEmpty) run();
    else {
      this.push({
        step: () => {
          run();
          return true;
        },
      });
    }
  }

  /** Resolves once the queue has been empty. */
  async settled(): Promise<void> {
    if (this.isEmpty) return;
    this.#settling ??= new Promise<void>((resolve) => this.#waiting.push(resolve)).then(() => {
      this.#settling = undefined;
    });
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #runSlice(): void {
    const { later, now } = this.#options;
    const until = now() + SLICE_MS;
    for (let fold = this.#folds[this.#done]; fold !== undefined; fold = this.#folds[this.#done]) {
      if (fold.step()) this.#folds[this.#done++] = DONE;
      if (this.#done === MAX_DONE) {
        this.#folds.splice(0, MAX_DONE);
        this.#done = 0;
      }
      if (now() >= until) break;
    }
    if (this.#done < this.#folds.length) {
      later(() => this.#runSlice());
      return;
    }
    this.#folds = [];
    this.#done = 0;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
