import { setTimeout as sleep } from "node:timers/promises";
import { Backoff } from "../../host/backoff.js";
import { describeDamage } from "../../wal/damage.js";
import { CheckpointKeeper } from "./checkpoint-keeper.js";
import type { CounterDays } from "./counter-days.js";
import type { Counters } from "./counters.js";
import type { Epochs } from "./epochs.js";
import type { LogFold } from "./log-fold.js";
import type { ProjectorStatus } from "./messages.js";
import { Others } from "./others.js";
import { ProjectedCollection } from "./projected-collection.js";
import { type Register, Registrar } from "./registrar.js";
import { type Checkpoint, type CounterStore, StoreError } from "./store.js";

export interface ProjectorOptions {
  readonly logId: string;
  readonly store: CounterStore;
  readonly counters: Counters;
  readonly days: CounterDays;
  readonly fold: LogFold;
  readonly epochs: Epochs;
  /** The checkpoint as the log directory has it; undefined for a projection that has never run. */
  readonly registered: (Checkpoint & { readonly hits: number }) | undefined;
  /** Counters that were blocked when the directory was told last: they are until their documents have been read. */
  readonly blocked: readonly string[];
  readonly maxOps: number;
  readonly register: Register;
  /** Told of other logs' hits by counter, as they are read. */
  readonly onOthers: (name: string, others: number) => void;
  /** How often to look for more where the log has ended. */
  readonly pollMs: number;
  readonly scrubEveryMs?: number;
}

const LOOK_EVERY_MS = 1000;
/** Between cycles while there is work, so that hits of one counter share an update; and without. */
const CYCLE_MS = 200;
const IDLE_MS = 20;
const RETRY_FIRST_MS = 50;
const RETRY_MS = 1000;
const CREDENTIALS_RETRY_MS = 30_000;
const HALTED_RETRY_MS = 10_000;
const SCRUB_EVERY_MS = 10 * 60_000;

/**
 * The MongoDB projection. Two loops share the slots: one folds the log, whatever the database does; the other brings the
 * database to what the log says and moves the checkpoint behind it.
 */
export class Projector {
  readonly #options: ProjectorOptions;
  readonly #counters: ProjectedCollection;
  readonly #days: ProjectedCollection;
  readonly #keeper: CheckpointKeeper;
  readonly #registrar: Registrar;
  readonly #others: Others;
  readonly #backoff = new Backoff(RETRY_FIRST_MS);
  readonly #stop = new AbortController();
  /** Ends the apply loop's pause. */
  #wake = new AbortController();
  #state: ProjectorStatus["state"] = "retrying";
  #since = Date.now();
  #lastError: string | null = null;
  #errors = 0;
  #asOf = 0;
  /** Changes of the server's state that the driver has told of, and how many of them a look has dealt with. */
  #changes = 1;
  #changesSeen = 0;
  #lookAt = 0;
  #closing = false;
  #prepared = false;
  #flushed = false;

  constructor(options: ProjectorOptions) {
    this.#options = options;
    const { store, counters, days, logId, maxOps, scrubEveryMs = SCRUB_EVERY_MS, onOthers } = options;
    const settings = { logId, maxOps, scrubEveryMs };
    this.#counters = new ProjectedCollection({ store, documents: counters.documents, onOthers, ...settings });
    this.#days = new ProjectedCollection({ store: store.series, documents: days.documents, ...settings });
    for (const name of options.blocked) this.#counters.blocked.set(name, "blocked before the start, not read since");
    this.#keeper = new CheckpointKeeper(store, options.epochs, options.registered);
    this.#registrar = new Registrar(options.register, options.registered);
    this.#others = new Others(store, logId, onOthers);
  }

  /** The driver saw the server's state change: nothing seen before is certain. One that answers again is asked at once. */
  noteChange(answers: boolean): void {
    this.#changes++;
    if (answers && this.#state === "retrying") this.#wake.abort();
  }

  status(): ProjectorStatus {
    const { counters, days, fold } = this.#options;
    const damage = fold.damage === undefined ? undefined : `stopped in front of damage: ${describeDamage(fold.damage)}`;
    return {
      state: damage !== undefined && this.#state === "running" ? "halted" : this.#state,
      since: this.#since,
      lastError: this.#lastError ?? damage ?? null,
      errors: this.#errors,
      checkpoint: this.#keeper.offset,
      lag: Math.max(0, counters.sum - counters.confirmedSum),
      blocked: this.#counters.blocked,
      asOf: this.#asOf,
      scrub: this.#counters.scrubFigures,
      series: {
        owed: days.documents.owed,
        blocked: this.#days.blocked.size,
        passes: this.#days.scrubFigures.passes,
      },
    };
  }

  /** Runs until `stop`. Rejects where the log itself can't be followed: `OFFSET_GONE`, `UNKNOWN_RECORD_TYPE`. */
  async run(): Promise<void> {
    const loops = [this.#foldLoop(), this.#applyLoop()];
    try {
      await Promise.all(loops);
    } finally {
      this.#stop.abort();
      await Promise.allSettled(loops);
      await this.#options.fold.close();
    }
  }

  /** Ends both loops after the call that is under way. */
  stop(): void {
    this.#stop.abort();
  }

  /** From now on every checkpoint is registered at once: a stop is near. */
  closing(): void {
    this.#closing = true;
    this.#flushed = false;
  }

  /** Whether all that was folded is in the database and under the checkpoint. */
  get isFlushed(): boolean {
    return this.#flushed;
  }

  async #foldLoop(): Promise<void> {
    const { fold, pollMs } = this.#options;
    while (!this.#stop.signal.aborted) {
      if (!(await fold.step())) await this.#pause(pollMs);
    }
  }

  async #applyLoop(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const started = performance.now();
      let wait: number;
      try {
        await this.cycle();
        this.#backoff.reset();
        wait = this.#state === "halted" ? HALTED_RETRY_MS : Math.max(CYCLE_MS - (performance.now() - started), IDLE_MS);
      } catch (error) {
        wait = this.#failed(error);
      }
      this.#wake = new AbortController();
      await this.#pause(wait, this.#wake.signal);
    }
  }

  /** One round: look, claim, apply what is owed, move the checkpoint, scrub a little. Rejects with a `StoreError`. */
  async cycle(): Promise<void> {
    const { fold, store } = this.#options;
    if (performance.now() >= this.#lookAt || this.#changes !== this.#changesSeen) {
      if (!(await this.#look())) return;
    }
    if (!this.#prepared) {
      await store.prepare();
      this.#prepared = true;
    }
    // Before the log's first hit there is nothing to project, but other logs may have some.
    if (fold.position.nonce === "") this.#flushed = true;
    else if (!(await this.#project())) return this.#lookAgain();
    this.#asOf = Date.now();
    await this.#days.scrub(performance.now());
    await this.#others.step(performance.now());
    await this.#counters.scrub(performance.now());
  }

  /** Claims the epoch where that is to be done, applies what is owed, and moves the checkpoint. False: look again. */
  async #project(): Promise<boolean> {
    const { counters, fold } = this.#options;
    const target = fold.position;
    const hits = counters.sum;
    if (!this.#keeper.hasClaimed(target)) {
      await this.#registrar.announce(target, this.#blockedNames());
      if (!(await this.#keeper.claim(target))) return false;
    }
    // A later epoch than was claimed may begin while this goes on.
    const position = () => (this.#keeper.hasClaimed(fold.position) ? fold.position.offset : undefined);
    const countersSettled = await this.#counters.settle(position, this.#keeper.certain);
    const settled = (await this.#days.settle(position, this.#keeper.certain)) && countersSettled;
    if (settled && !(await this.#keeper.advance(target))) return false;
    if (settled) await this.#registrar.note(target, hits, this.#blockedNames(), this.#closing);
    const isSettled = this.#counters.isSettled && this.#days.isSettled;
    this.#flushed = settled && fold.position.offset === target.offset && isSettled;
    return true;
  }

  async #look(): Promise<boolean> {
    const { fold } = this.#options;
    const changes = this.#changes;
    const look = await this.#keeper.look(fold);
    this.#lookAt = performance.now() + LOOK_EVERY_MS;
    if (look.state === "foreign") {
      this.#enter("halted", look.reason);
      return false;
    }
    const back = look.state === "gone back";
    if (back) {
      this.#counters.goneBack();
      this.#days.goneBack();
    } else if (changes !== this.#changesSeen) {
      this.#counters.changed(this.#keeper.certain);
      this.#days.changed(this.#keeper.certain);
    }
    if (back || changes !== this.#changesSeen) {
      this.#others.restart();
      this.#prepared = this.#prepared && !back;
    }
    this.#changesSeen = changes;
    this.#enter("running", null);
    return true;
  }

  #blockedNames(): string[] {
    return [...this.#counters.blocked.keys()];
  }

  #lookAgain(): void {
    this.#lookAt = 0;
  }

  /** How long to wait after a failure. */
  #failed(error: unknown): number {
    if (!(error instanceof StoreError)) throw error;
    this.#flushed = false;
    this.#lookAgain();
    this.#enter("retrying", error.message);
    return this.#backoff.next(error.kind === "credentials" ? CREDENTIALS_RETRY_MS : RETRY_MS);
  }

  #enter(state: ProjectorStatus["state"], error: string | null): void {
    if (state !== this.#state) this.#since = Date.now();
    this.#state = state;
    this.#lastError = error;
    if (error !== null) this.#errors++;
  }

  async #pause(milliseconds: number, wake?: AbortSignal): Promise<void> {
    const stop = this.#stop.signal;
    const signal = wake === undefined ? stop : AbortSignal.any([stop, wake]);
    await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
  }
}
