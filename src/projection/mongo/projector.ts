import { setTimeout as sleep } from "node:timers/promises";
import { Backoff } from "../../host/backoff.js";
import { describeDamage } from "../../wal/damage.js";
import type { RemoteListener } from "./applier.js";
import { CheckpointKeeper } from "./checkpoint-keeper.js";
import { CheckpointRecorder, type WriteCheckpoint } from "./checkpoint-recorder.js";
import type { CounterDays } from "./counter-days.js";
import type { Counters } from "./counters.js";
import type { Epochs } from "./epochs.js";
import type { LogFollower } from "./log-follower.js";
import type { ProjectorStatus } from "./messages.js";
import { ProjectedCollection } from "./projected-collection.js";
import { RemoteCounts } from "./remote-counts.js";
import { type Checkpoint, type CounterStore, StoreError } from "./store.js";

export interface ProjectorOptions {
  readonly logId: string;
  readonly store: CounterStore;
  readonly counters: Counters;
  readonly days: CounterDays;
  readonly follower: LogFollower;
  readonly epochs: Epochs;
  /** The checkpoint as the log directory records it; undefined for a projection that has never run. */
  readonly registered: (Checkpoint & { readonly hits: number }) | undefined;
  /** Counters that the log directory records as blocked: they stay so until their documents have been read. */
  readonly blocked: readonly string[];
  /** Updates in one command at most. */
  readonly maxOps: number;
  readonly writeCheckpoint: WriteCheckpoint;
  readonly onRemote: RemoteListener;
  /** Time between polls at the end of the log. */
  readonly pollMs: number;
  readonly scrubEveryMs?: number;
}

const INSPECT_EVERY_MS = 1000;
/** Least time from one cycle to the next, so that hits of one counter share an update. */
const CYCLE_MS = 200;
const IDLE_MS = 20;
const RETRY_FIRST_MS = 50;
const RETRY_MS = 1000;
const CREDENTIALS_RETRY_MS = 30_000;
const HALTED_RETRY_MS = 10_000;
const SCRUB_EVERY_MS = 10 * 60_000;

/**
 * The MongoDB projection. Two loops share the dirty documents: one follows the log, whatever the database does; the other
 * brings the database to what the log has, and then moves the checkpoint.
 */
export class Projector {
  readonly #options: ProjectorOptions;
  readonly #counters: ProjectedCollection;
  readonly #days: ProjectedCollection;
  readonly #keeper: CheckpointKeeper;
  readonly #recorder: CheckpointRecorder;
  readonly #remote: RemoteCounts;
  readonly #backoff = new Backoff(RETRY_FIRST_MS);
  readonly #stop = new AbortController();
  /** Ends the apply loop's pause. */
  #wake = new AbortController();
  #state: ProjectorStatus["state"] = "retrying";
  #since = Date.now();
  #lastError: string | null = null;
  #errors = 0;
  #asOf = 0;
  /** Number of changes of the server's state that the driver has reported, and of those that an inspection has handled. */
  #changes = 1;
  #changesHandled = 0;
  #inspectAt = 0;
  #isStopping = false;
  #isPrepared = false;
  #isFlushed = false;

  constructor(options: ProjectorOptions) {
    this.#options = options;
    const { store, counters, days, logId, maxOps, scrubEveryMs = SCRUB_EVERY_MS, onRemote } = options;
    const settings = { logId, maxOps, scrubEveryMs };
    this.#counters = new ProjectedCollection({ store, documents: counters.documents, onRemote, ...settings });
    this.#days = new ProjectedCollection({ store: store.series, documents: days.documents, ...settings });
    for (const name of options.blocked) this.#counters.blocked.set(name, "blocked before the start, not read since");
    this.#keeper = new CheckpointKeeper(store, options.epochs, options.registered);
    this.#recorder = new CheckpointRecorder(options.writeCheckpoint, options.registered);
    this.#remote = new RemoteCounts(store, logId, onRemote);
  }

  /** Notes that the server's state has changed: nothing seen before is certain. A server that answers again is asked at once. */
  noteChange(answers: boolean): void {
    this.#changes++;
    if (answers && this.#state === "retrying") this.#wake.abort();
  }

  status(): ProjectorStatus {
    const { counters, follower } = this.#options;
    const damage =
      follower.damage === undefined ? undefined : `stopped before damage: ${describeDamage(follower.damage)}`;
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
      series: this.#days.status,
    };
  }

  /** Runs until `stop`. Rejects if the log can't be followed: `OFFSET_GONE`, `UNKNOWN_RECORD_TYPE`. */
  async run(): Promise<void> {
    const loops = [this.#followLoop(), this.#applyLoop()];
    try {
      await Promise.all(loops);
    } finally {
      this.#stop.abort();
      await Promise.allSettled(loops);
      await this.#options.follower.close();
    }
  }

  /** Ends both loops after the calls in flight. */
  stop(): void {
    this.#stop.abort();
  }

  /** Makes every checkpoint from now on be recorded at once: a stop is near. */
  prepareStop(): void {
    this.#isStopping = true;
    this.#isFlushed = false;
  }

  /** Everything folded is in the database and below the checkpoint. */
  get isFlushed(): boolean {
    return this.#isFlushed;
  }

  async #followLoop(): Promise<void> {
    const { follower, pollMs } = this.#options;
    while (!this.#stop.signal.aborted) {
      if (!(await follower.step())) await this.#pause(pollMs);
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
        wait = this.#retryDelay(error);
      }
      this.#wake = new AbortController();
      await this.#pause(wait, this.#wake.signal);
    }
  }

  /** Runs one round: inspect, claim, apply what is owed, move the checkpoint, scrub a little. Rejects with a `StoreError`. */
  async cycle(): Promise<void> {
    const { follower, store } = this.#options;
    if (performance.now() >= this.#inspectAt || this.#changes !== this.#changesHandled) {
      if (!(await this.#inspect())) return;
    }
    if (!this.#isPrepared) {
      await store.prepare();
      this.#isPrepared = true;
    }
    // Before its first hit this log has nothing to project, but other logs may.
    if (follower.position.nonce === "") this.#isFlushed = true;
    else if (!(await this.#project())) {
      this.#inspectAt = 0;
      return;
    }
    this.#asOf = Date.now();
    await this.#days.scrub(performance.now());
    await this.#remote.step(performance.now());
    await this.#counters.scrub(performance.now());
  }

  /** Claims the epoch if need be, applies what is owed, and moves the checkpoint. False: inspect again. */
  async #project(): Promise<boolean> {
    const { counters, follower } = this.#options;
    const target = follower.position;
    const hits = counters.sum;
    const blocked = () => [...this.#counters.blocked.keys()];
    if (!this.#keeper.hasClaimed(target)) {
      await this.#recorder.announce(target, blocked());
      if (!(await this.#keeper.claim(target))) return false;
    }
    // A later epoch than the claimed one may begin meanwhile.
    const position = () => (this.#keeper.hasClaimed(follower.position) ? follower.position.offset : undefined);
    const countersSettled = await this.#counters.settle(position, this.#keeper.certain);
    const settled = (await this.#days.settle(position, this.#keeper.certain)) && countersSettled;
    if (settled && !(await this.#keeper.advance(target))) return false;
    if (settled) await this.#recorder.record({ checkpoint: target, hits, blocked: blocked() }, this.#isStopping);
    const isSettled = this.#counters.isSettled && this.#days.isSettled;
    this.#isFlushed = settled && follower.position.offset === target.offset && isSettled;
    return true;
  }

  async #inspect(): Promise<boolean> {
    const changes = this.#changes;
    const inspection = await this.#keeper.inspect(this.#options.follower);
    this.#inspectAt = performance.now() + INSPECT_EVERY_MS;
    if (inspection.state === "foreign") {
      this.#enter("halted", inspection.reason);
      return false;
    }
    const back = inspection.state === "reverted";
    if (back) {
      this.#counters.invalidate();
      this.#days.invalidate();
    } else if (changes !== this.#changesHandled) {
      this.#counters.noteChange(this.#keeper.certain);
      this.#days.noteChange(this.#keeper.certain);
    }
    if (back || changes !== this.#changesHandled) {
      this.#remote.restart();
      this.#isPrepared = this.#isPrepared && !back;
    }
    this.#changesHandled = changes;
    this.#enter("running", null);
    return true;
  }

  /** Notes a failed cycle and returns the time to wait. Throws what is not a `StoreError`. */
  #retryDelay(error: unknown): number {
    if (!(error instanceof StoreError)) throw error;
    this.#isFlushed = false;
    this.#inspectAt = 0;
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
