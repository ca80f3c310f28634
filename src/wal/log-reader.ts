import { HitsError, systemCode } from "../errors.js";
import type { Damage } from "./damage.js";
import type { Mismatch, SegmentHeader } from "./format.js";
import type { LogDirectory } from "./log-directory.js";
import { MissingBatches } from "./missing-batches.js";
import { type MissingRanges, readMissingRanges } from "./missing-ranges.js";
import { brokenChain, damageAt, segmentsLostBefore } from "./segment-chain.js";
import { readHeaderIfThere } from "./segment-header.js";
import { segmentName } from "./segment-name.js";
import { type LogBatch, SegmentReader } from "./segment-reader.js";

/**
 * A reader's next step: a batch (seals too, with count 0); damage, after which reading continues; or the current end: a
 * later call continues from there.
 */
export type ReadStep = { readonly batch: LogBatch } | { readonly damage: Damage } | { readonly end: LogEnd };

export interface LogEnd {
  /** The newest segment's base offset and the first byte after its last valid batch; undefined in an empty directory. */
  readonly segment: number | undefined;
  readonly byte: number;
}

export interface LogReaderOptions {
  readonly directory: LogDirectory;
  /** The first offset to read; undefined for the oldest in the log. */
  readonly from: number | undefined;
  /**
   * Inside the writing process: the writer's durable end, past which nothing is read. Elsewhere undefined: the reader
   * then makes what it read durable before it trusts it.
   */
  readonly durableEnd?: (() => number) | undefined;
  /** The ranges that count as recorded by repairs; by default those in the directory. */
  readonly missing?: MissingRanges | undefined;
}

/** A reader that waits at invalid bytes searches for later batches after them once in so many calls. */
const SEARCH_EVERY_CALLS = 64;

/**
 * A reader of the log by offset, in any thread or process, that does not block the writer. It never skips: it returns what
 * it can't read as damage, and throws `OFFSET_GONE` if retention has removed what comes next. In place of damage that a
 * repair has recorded as missing it returns batches with `LogBatch.missing`.
 */
export class LogReader {
  readonly #options: LogReaderOptions;
  readonly #from: number;
  #segment: SegmentReader | undefined;
  /** The byte at which the current segment ends as the next one's header has it; undefined in the newest. */
  #recordedEnd: number | undefined;
  /** Damage found on moving to the current segment, returned before its batches. */
  #pending: Damage[] = [];
  /** Batches in place of missing records, to be returned next. */
  readonly #instead: LogBatch[] = [];
  #missing: MissingBatches | undefined;
  /** The last header that could be read: missing records count as its epoch. */
  #lastHeader: SegmentHeader | undefined;
  /** The current segment's unreadable rest has been returned. */
  #reported = false;
  #calls = 0;

  constructor(options: LogReaderOptions) {
    this.#options = options;
    this.#from = options.from ?? 0;
  }

  async next(): Promise<ReadStep> {
    this.#missing ??= await this.#readMissing();
    for (;;) {
      const instead = this.#instead.shift();
      if (instead !== undefined) return { batch: instead };
      const pending = this.#pending.shift();
      if (pending !== undefined) {
        // Found on moving to the current segment: all that is missing is before it.
        const isOpen = () => !this.#isRecorded(pending, this.#segment?.baseOffset);
        if (this.#isWanted({ damage: pending }) && isOpen()) return { damage: pending };
        continue;
      }
      const segment = this.#segment ?? (await this.#openFirst());
      if (segment === undefined) return { end: { segment: undefined, byte: 0 } };
      if (this.#pending.length > 0) continue;
      if (this.#isAtBound(segment)) return { end: { segment: segment.baseOffset, byte: segment.byte } };
      const step = await this.#step(segment);
      if (step === undefined || !this.#isWanted(step)) continue;
      if (!("damage" in step) || !this.#isRecorded(step.damage)) return step;
    }
  }

  async #readMissing(): Promise<MissingBatches> {
    const { directory, missing } = this.#options;
    return new MissingBatches(missing ?? (await readMissingRanges(directory)), this.#from);
  }

  /** True if a repair has recorded something else since this reader began. */
  async isOutdated(): Promise<boolean> {
    const { directory } = this.#options;
    const version = this.#missing?.ranges.version;
    return version !== undefined && (await readMissingRanges(directory)).version !== version;
  }

  async close(): Promise<void> {
    const segment = this.#segment;
    this.#segment = undefined;
    await segment?.close();
  }

  /** False for offsets before `from`, which were not requested. A seal has none. */
  #isWanted(step: ReadStep): boolean {
    if ("batch" in step) return step.batch.endOffset > this.#from || step.batch.baseOffset >= this.#from;
    return !("damage" in step) || step.damage.to === undefined || step.damage.to > this.#from;
  }

  /** True if all of this damage is recorded as missing; the batches in its place, up to an offset, are then returned next. */
  #isRecorded(damage: Damage, upTo = 0): boolean {
    const place = { segment: this.#segment?.baseOffset ?? 0, header: this.#lastHeader };
    const instead = this.#missing?.insteadOf(damage, upTo, place);
    if (instead === undefined) return false;
    this.#instead.push(...instead);
    return true;
  }

  #isAtBound(segment: SegmentReader): boolean {
    return this.#options.durableEnd !== undefined && segment.offset >= this.#options.durableEnd();
  }

  /** Takes one step in this segment; undefined if it only moved to the next. */
  async #step(segment: SegmentReader): Promise<ReadStep | undefined> {
    if (segment.header !== undefined && this.#isBeforeEnd(segment)) {
      const first = await segment.next();
      if ("batch" in first) return first;
    }
    // Looked up before reading again: if there is a next segment, everything before it is durable by now.
    const nextBase = await this.#nextBase(segment.baseOffset);
    const bound = this.#options.durableEnd?.();
    segment.refresh();
    let invalid = segment.headerInvalid ?? { expected: "the segment's recorded end", found: "more bytes" };
    if (segment.header !== undefined && this.#isBeforeEnd(segment)) {
      const again = await segment.next();
      if ("batch" in again) return again;
      invalid = again.invalid;
    }
    if (nextBase === undefined) return this.#atNewest(segment, invalid, bound);
    return this.#atClosed(segment, nextBase, invalid);
  }

  /** False past the segment's recorded end: what is there was never acknowledged, even if it looks like a batch. */
  #isBeforeEnd(segment: SegmentReader): boolean {
    return this.#recordedEnd === undefined || segment.byte < this.#recordedEnd;
  }

  /** Judges bytes that are not a batch in the newest segment: its current end, or damage. */
  async #atNewest(segment: SegmentReader, invalid: Mismatch, bound: number | undefined): Promise<ReadStep | undefined> {
    const end = { end: { segment: segment.baseOffset, byte: segment.byte } };
    if (segment.header === undefined) {
      return this.#reportOnce({ ...damageAt(segment, invalid), byte: 0, to: undefined }) ?? end;
    }
    const size = await segment.size();
    const before = damageAt(segment, invalid);
    // Below the writer's durable end this is certainly damage; elsewhere it is mostly just the end, and a search after it
    // reads all that is prepared.
    if (bound !== undefined || this.#calls++ % SEARCH_EVERY_CALLS === 0) {
      if ((await segment.skipToLaterBatch(size, bound ?? Number.MAX_SAFE_INTEGER)) === "found") {
        if (bound === undefined) {
          // It may have been written since, and so may what was missing before it.
          const found = { byte: segment.byte, offset: segment.offset };
          segment.moveTo({ byte: before.byte, offset: before.from });
          const again = await segment.next();
          if ("batch" in again) return again;
          segment.moveTo(found);
        }
        // There may be more of them: search after the next invalid bytes at once.
        this.#calls = 0;
        return segment.offset > before.from ? { damage: { ...before, to: segment.offset } } : undefined;
      }
    }
    if (bound !== undefined) {
      segment.offset = bound;
      return { damage: { ...before, to: bound } };
    }
    // A crash never shortens a prepared file.
    if (size >= segment.header.preparedSize) return end;
    // Its writer does, once there is a next one, which may exist by now.
    if ((await this.#nextBase(segment.baseOffset)) !== undefined) return undefined;
    const expected = `a file of ${segment.header.preparedSize} bytes`;
    return this.#reportOnce({ ...before, to: undefined, expected, found: `${size} bytes` }) ?? end;
  }

  /** Judges bytes that are not a batch in a segment that another follows: its recorded end, or damage. */
  async #atClosed(segment: SegmentReader, nextBase: number, invalid: Mismatch): Promise<ReadStep | undefined> {
    const next = await this.#open(nextBase);
    if (next === undefined) return undefined;
    const previous = next.header?.previous;
    const recorded = previous?.baseOffset === segment.baseOffset ? previous : undefined;
    const before = damageAt(segment, invalid);
    // If an opening could not tell how far the missing records went, the next segment bounds them.
    const isBound = recorded !== undefined && recorded.endOffset > before.from;
    const to = isBound ? Math.min(recorded.endOffset, nextBase) : nextBase;
    if (segment.header === undefined) {
      this.#lastHeader ??= next.header;
      this.#pending.push({ ...before, byte: 0, to });
    } else if (recorded === undefined || segment.byte !== recorded.endByte || segment.offset !== recorded.endOffset) {
      const endByte = recorded?.endByte ?? (await segment.size());
      const maxOffset = recorded?.endOffset ?? nextBase;
      if (segment.byte < endByte && (await segment.skipToLaterBatch(endByte, maxOffset)) === "found") {
        await next.close();
        return segment.offset > before.from ? { damage: { ...before, to: segment.offset } } : undefined;
      }
      if (recorded !== undefined) {
        this.#pending.push({ ...before, to });
      }
    }
    const unchained = recorded === undefined ? brokenChain(segment, next, invalid) : undefined;
    if (unchained !== undefined) this.#pending.push(unchained);
    await segment.close();
    await this.#enter(next);
    return undefined;
  }

  #reportOnce(damage: Damage): ReadStep | undefined {
    if (this.#reported) return undefined;
    this.#reported = true;
    return { damage };
  }

  async #openFirst(): Promise<SegmentReader | undefined> {
    for (;;) {
      const bases = await this.#options.directory.segmentBases();
      const first = bases[0];
      if (first === undefined) return undefined;
      if (this.#options.from !== undefined && this.#from < first) await this.#checkGone(this.#from, first);
      const base = bases.filter((candidate) => candidate <= this.#from).at(-1) ?? first;
      const segment = await this.#open(base);
      // Removed by retention between the listing and the opening: list again.
      if (segment === undefined) continue;
      await this.#enter(segment);
      const lost = base === first ? segmentsLostBefore(segment) : undefined;
      if (lost !== undefined) this.#pending.push(lost);
      return segment;
    }
  }

  /** Throws `OFFSET_GONE` unless the offsets before the oldest segment are a gap between epochs, unused, or recorded as missing. */
  async #checkGone(wanted: number, first: number): Promise<void> {
    const { directory } = this.#options;
    const header = await readHeaderIfThere(directory, first);
    // Removed since the listing, by retention or (an empty one) by an opening: the next step sees what is there now.
    if (header === undefined && !(await directory.segmentBases()).includes(first)) return;
    const to = header === undefined ? first : header.previous?.endOffset;
    if (to === undefined || to <= wanted) return;
    const place = { file: segmentName(first), byte: 0, from: wanted, to };
    if (this.#missing?.ranges.covers(place) !== true) throw this.#gone(wanted, first);
    this.#lastHeader ??= header;
    this.#pending.push({ ...place, expected: `offset ${wanted}`, found: "later ones" });
  }

  async #enter(segment: SegmentReader): Promise<void> {
    this.#segment = segment;
    this.#lastHeader = segment.header ?? this.#lastHeader;
    this.#reported = false;
    const { directory } = this.#options;
    const nextBase = (await directory.segmentBases()).find((candidate) => candidate > segment.baseOffset);
    const next = nextBase === undefined ? undefined : await readHeaderIfThere(directory, nextBase);
    const previous = next?.previous;
    this.#recordedEnd = previous?.baseOffset === segment.baseOffset ? previous.endByte : undefined;
  }

  async #nextBase(base: number): Promise<number | undefined> {
    const bases = await this.#options.directory.segmentBases();
    const next = bases.find((candidate) => candidate > base);
    // Retention has overtaken this reader: what is between is gone, not damaged. Or an opening has removed an empty one.
    if (next !== undefined && !bases.includes(base)) {
      const first = bases[0] ?? next;
      if (first > base) await this.#checkGone(this.#segment?.offset ?? base, first);
    }
    return next;
  }

  async #open(base: number): Promise<SegmentReader | undefined> {
    const { directory, durableEnd } = this.#options;
    try {
      return await SegmentReader.open(directory, base, { syncReads: durableEnd === undefined });
    } catch (error) {
      if (systemCode(error) === "ENOENT") return undefined;
      throw error;
    }
  }

  #gone(wanted: number, first: number): HitsError {
    return new HitsError(
      "OFFSET_GONE",
      `offset ${wanted} is no longer in ${this.#options.directory.path}: its oldest segment begins at ${first}. ` +
        "Start from a snapshot that is not older",
    );
  }
}
