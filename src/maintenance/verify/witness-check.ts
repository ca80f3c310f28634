import { EPOCH_GAP } from "../../wal/format.js";
import { segmentName } from "../../wal/segment-name.js";
import type { LogBatch } from "../../wal/segment-reader.js";
import type { WitnessFinding } from "./finding.js";
import type { Witness } from "./witnesses.js";

interface End {
  /** The newest segment's base offset, and the first byte after its last valid batch. */
  readonly segment: number;
  readonly byte: number;
  /** The nonce of each epoch, from the headers. */
  readonly nonces: ReadonlyMap<number, string>;
}

/**
 * Compares witnesses with what a reader finds in the log: none may prove records that are not there. Witnesses are read
 * before the log, which can only grow meanwhile.
 */
export class WitnessCheck {
  readonly findings: WitnessFinding[] = [];
  /** Not reached by the reader yet, the lowest offset first. */
  readonly #waiting: Witness[];
  readonly #all: readonly Witness[];
  /** All below this offset has been read, has been reported as damage, or was removed by retention. */
  #covered: number;

  constructor(witnesses: readonly Witness[], start: number) {
    this.#all = witnesses;
    this.#waiting = [...witnesses].sort((a, b) => a.offset - b.offset);
    this.#covered = start;
    this.coverUpTo(start);
  }

  /** Takes each batch, in the order of the log. */
  batch({ baseOffset, endOffset }: LogBatch): void {
    if (this.#waiting.length > 0 && baseOffset > this.#covered) this.#passGap(baseOffset);
    this.coverUpTo(endOffset);
  }

  /** Notes that everything below this offset is accounted for. */
  coverUpTo(offset: number): void {
    this.#covered = Math.max(this.#covered, offset);
    while ((this.#waiting[0]?.offset ?? Number.POSITIVE_INFINITY) <= this.#covered) this.#waiting.shift();
  }

  /** Judges the witnesses that are left when the log has been read to its end. */
  finish({ segment, byte, nonces }: End): void {
    this.#passGap(segment);
    for (const witness of this.#waiting) {
      const { file, offset } = witness;
      const expected = `records up to offset ${offset}, which ${file} has`;
      const found = `the end at offset ${this.#covered}`;
      const place = { file: segmentName(segment), byte, from: this.#covered, to: offset };
      this.findings.push({ ...this.#unreached(witness), lostEnd: { ...place, expected, found } });
    }
    const newestEpoch = Math.max(0, ...nonces.keys());
    for (const witness of this.#all) {
      const nonce = nonces.get(witness.epoch);
      if (witness.epoch > newestEpoch) {
        this.#addForeign(witness, `an epoch up to ${newestEpoch}, the log's newest`, `epoch ${witness.epoch}`);
      } else if (nonce !== undefined && nonce !== witness.nonce) {
        this.#addForeign(witness, `nonce ${nonce}, as the log has it for epoch ${witness.epoch}`, witness.nonce);
      }
    }
  }

  /**
   * Skips to the next records, at `base`. The offsets between are a gap that an opening left, at least `EPOCH_GAP` wide: one
   * just after the last record was given to a record, one further on may be where an epoch without records began.
   */
  #passGap(base: number): void {
    const gapEnd = this.#covered + EPOCH_GAP;
    for (let witness = this.#waiting[0]; witness !== undefined && witness.offset <= base; witness = this.#waiting[0]) {
      if (witness.offset < Math.min(base, gapEnd)) this.findings.push(this.#unreached(witness));
      this.#waiting.shift();
    }
  }

  #unreached({ kind, file, offset }: Witness): WitnessFinding {
    const expected = `records up to offset ${offset} in the log`;
    return { kind, file, byte: 0, offset, expected, found: `their end at offset ${this.#covered}` };
  }

  #addForeign({ kind, file, offset }: Witness, expected: string, found: string): void {
    const why = `${found}: of another log, or of a copy that diverged`;
    this.findings.push({ kind, file, byte: 0, offset, expected, found: why });
  }
}
