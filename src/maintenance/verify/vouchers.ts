import { EPOCH_GAP } from "../../wal/format.js";
import type { LogBatch } from "../../wal/segment-reader.js";
import type { Finding } from "./finding.js";

/** A snapshot's or registration's word that the log had come so far. */
export interface Voucher {
  readonly kind: "snapshot" | "registration";
  readonly file: string;
  readonly offset: number;
  readonly epoch: number;
  readonly nonce: string;
}

/**
 * Holds what snapshots and registrations know of a log against what a reader finds in it: nobody may know of records that
 * aren't there. They are to be read before the log, which may only grow meanwhile.
 */
export class Vouchers {
  readonly findings: Finding[] = [];
  /** Not met by the reader yet, the lowest offset first. */
  readonly #waiting: Voucher[];
  readonly #all: readonly Voucher[];
  /** All below this offset has been read, has been reported as damage, or is gone by retention. */
  #covered: number;

  constructor(vouchers: readonly Voucher[], start: number) {
    this.#all = vouchers;
    this.#waiting = [...vouchers].sort((a, b) => a.offset - b.offset);
    this.#covered = start;
    this.covered(start);
  }

  /** Hands over each batch, in the order of the log. */
  batch({ baseOffset, endOffset }: LogBatch): void {
    if (this.#waiting.length > 0 && baseOffset > this.#covered) this.#upTo(baseOffset);
    this.covered(endOffset);
  }

  /** Everything below this offset is accounted for. */
  covered(offset: number): void {
    this.#covered = Math.max(this.#covered, offset);
    while ((this.#waiting[0]?.offset ?? Number.POSITIVE_INFINITY) <= this.#covered) this.#waiting.shift();
  }

  /** The log has been read to its end. `newest` is its newest segment's base, `nonces` what its headers say of epochs. */
  end(newest: number, nonces: ReadonlyMap<number, string>): void {
    this.#upTo(newest);
    for (const voucher of this.#waiting) this.#missing(voucher);
    const newestEpoch = Math.max(0, ...nonces.keys());
    for (const voucher of this.#all) {
      const nonce = nonces.get(voucher.epoch);
      if (voucher.epoch > newestEpoch) {
        this.#foreign(voucher, `an epoch up to ${newestEpoch}, the log's newest`, `epoch ${voucher.epoch}`);
      } else if (nonce !== undefined && nonce !== voucher.nonce) {
        this.#foreign(voucher, `nonce ${nonce}, as the log has it for epoch ${voucher.epoch}`, voucher.nonce);
      }
    }
  }

  /**
   * The next records begin at `base`. Offsets between are a gap that an opening left, which is at least `EPOCH_GAP` wide:
   * one just behind the last record was given to a record, one further on may be where an epoch began that got none.
   */
  #upTo(base: number): void {
    const gapEnd = this.#covered + EPOCH_GAP;
    for (let voucher = this.#waiting[0]; voucher !== undefined && voucher.offset <= base; voucher = this.#waiting[0]) {
      if (voucher.offset < Math.min(base, gapEnd)) this.#missing(voucher);
      this.#waiting.shift();
    }
  }

  #missing({ kind, file, offset }: Voucher): void {
    const expected = `records up to offset ${offset} in the log`;
    this.findings.push({ kind, file, byte: 0, offset, expected, found: `their end at offset ${this.#covered}` });
  }

  #foreign({ kind, file, offset }: Voucher, expected: string, found: string): void {
    this.findings.push({
      kind,
      file,
      byte: 0,
      offset,
      expected,
      found: `${found}: of another log, or of a copy that went its own way`,
    });
  }
}
