import type { LogDirectory } from "../../wal/log-directory.js";
import { MissingRanges } from "../../wal/missing-ranges.js";
import { readHeaderIfThere } from "../../wal/segment-header.js";
import type { Checkpoint } from "./store.js";

/** An epoch of this log: each opening has its own random nonce. */
export interface KnownEpoch {
  readonly epoch: number;
  readonly nonce: string;
}

/** More than a start an hour for a year; older ones are dropped. */
const MAX_KNOWN = 10_000;

/**
 * The epochs that this log has had: from the headers of its segments, and from the registration, which keeps those whose
 * segments are gone. A checkpoint with a nonce that is not among them is from another log: an old copy, or a twin.
 */
export class Epochs {
  readonly #directory: LogDirectory;
  readonly #nonces = new Map<number, string>();
  /** The first offset after each epoch, if a later one records it. */
  readonly #ends = new Map<number, number>();
  /** Segments by base offset, ascending, with the epoch of each. */
  readonly #segments = new Map<number, KnownEpoch>();
  readonly #missing: MissingRanges;

  constructor(directory: LogDirectory, remembered: readonly KnownEpoch[], missing: MissingRanges = MissingRanges.none) {
    this.#missing = missing;
    this.#directory = directory;
    for (const { epoch, nonce } of remembered) this.#nonces.set(epoch, nonce);
  }

  /** Reads the headers of segments that are new since the last call. */
  async refresh(): Promise<void> {
    for (const base of await this.#directory.segmentBases()) {
      if (this.#segments.has(base)) continue;
      const header = await readHeaderIfThere(this.#directory, base);
      if (header === undefined) continue;
      this.#segments.set(base, { epoch: header.epoch, nonce: header.nonce });
      this.#nonces.set(header.epoch, header.nonce);
      const end = header.previous?.endOffset;
      if (end === undefined) continue;
      // All epochs before this one have ended there, or earlier if a header between them records that.
      for (const epoch of this.#nonces.keys()) {
        if (epoch < header.epoch) this.#ends.set(epoch, Math.min(this.#ends.get(epoch) ?? end, end));
      }
    }
  }

  /** The epoch in which the record before this offset was written, if its segment is still there. */
  epochAt(offset: number): KnownEpoch | undefined {
    let found: KnownEpoch | undefined;
    for (const [base, epoch] of this.#segments) if (base < offset) found = epoch;
    return found;
  }

  add({ epoch, nonce }: KnownEpoch): void {
    if (nonce !== "") this.#nonces.set(epoch, nonce);
  }

  has(checkpoint: KnownEpoch): boolean {
    return this.#nonces.get(checkpoint.epoch) === checkpoint.nonce;
  }

  /** Returns whether the checkpoint is past the end of its epoch, if that has ended. */
  isPastEnd(checkpoint: Checkpoint): boolean {
    const end = this.#ends.get(checkpoint.epoch);
    // Records at an epoch's end that can't be read may have been projected before they were lost.
    return end !== undefined && checkpoint.offset > this.#missing.endOfMissing(end);
  }

  /** Returns whether a later epoch has begun. */
  hasEnded(epoch: number): boolean {
    return this.#ends.has(epoch);
  }

  list(): KnownEpoch[] {
    return [...this.#nonces]
      .map(([epoch, nonce]) => ({ epoch, nonce }))
      .sort((a, b) => a.epoch - b.epoch)
      .slice(-MAX_KNOWN);
  }
}
