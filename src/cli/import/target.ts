import type { Hit } from "../../model/hit.js";

/** A hit that was not counted, by its index. */
export interface Refusal {
  readonly index: number;
  readonly code: string;
  readonly detail: string;
}

/** What became of hits that were brought. */
export interface Taken {
  /** Of the others, how many were there before, by their ids. */
  readonly replayed: number;
  /** In the order of indexes. */
  readonly refusals: readonly Refusal[];
  /** Hits that were refused without being named. */
  readonly unnamed: number;
  /** It is unknown whether these counted twice: no answer came, and they have no ids. */
  readonly maybeTwice: number;
}

/** Where hits are brought: a log that this process has opened, or a server that has. */
export interface Target {
  /** For messages: `the log in DIR`, `http://…`. */
  readonly name: string;
  /** Undefined where a server does not tell. */
  readonly logId: string | undefined;
  /**
   * Makes hits durable and counts them, in one batch. Throws a `HitsError` where that can't be done, and `Interrupted` where
   * the signal ends the waiting for a server: whatever of them was counted by then is known by its id.
   */
  take(hits: readonly Hit[], signal: AbortSignal): Promise<Taken>;
  /** A counter's count, other logs' hits included. Throws as `take` does. */
  count(counter: string, signal: AbortSignal): Promise<number>;
  /** Lets go of it; a log is left with a snapshot and sealed. */
  close(): Promise<void>;
}

/** Somebody wants it to end before it is done. */
export class Interrupted extends Error {}
