import type { Hit } from "../../model/hit.js";

/** A hit that was not counted, by its index. */
export interface Refusal {
  readonly index: number;
  readonly code: string;
  readonly detail: string;
}

/** The outcome of hits that were delivered. */
export interface Recorded {
  /** The number of accepted hits that had been counted before, by their ids. */
  readonly replayed: number;
  /** In the order of indexes. */
  readonly refusals: readonly Refusal[];
  /** The number of refused hits that are missing in `refusals`. */
  readonly unnamed: number;
  /** The number of hits that may have been counted twice: a response was lost, and they have no ids. */
  readonly maybeTwice: number;
}

/** The destination of hits: a log that this process has opened, or a server that has one open. */
export interface Target {
  /** For messages: `the log in DIR`, `http://…`. */
  readonly name: string;
  /** Undefined if a server does not report it. */
  readonly logId: string | undefined;
  /**
   * Makes hits durable and counts them, in one batch. Throws a `HitsError` if that is impossible, and `Interrupted` if the
   * signal ends the wait for a server: the ids then tell which of them had been counted.
   */
  record(hits: readonly Hit[], signal: AbortSignal): Promise<Recorded>;
  /** Resolves to a counter's count, other logs' hits included. Throws as `record` does. */
  count(counter: string, signal: AbortSignal): Promise<number>;
  /** Releases it; a log is sealed and left with a snapshot. */
  close(): Promise<void>;
}

/** A signal ended the command before it was done. */
export class Interrupted extends Error {}
