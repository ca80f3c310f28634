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
 * What a reader meets: a batch (seals too, with count 0); damage, behind which it goes on; or the end, for now: asking
 * again later goes on from there.
 */
export type ReadStep = { readonly batch: LogBatch } | { readonly damage: Damage } | { readonly end: LogEnd };

export interface LogEnd {
  /** The newest segment's base offset and the first byte behind its last valid batch; undefined in an empty directory. */
  readonly segment: number | undefined;
  readonly byte: number;
}

export interface LogReaderOptions {
  readonly directory: LogDirectory;
  /** The first offset wanted; undefined for the oldest there is. */
  readonly from: number | undefined;
  /**
   * Inside the writing process: the writer's durable end, past which nothing is read. Elsewhere undefined: the reader
   * then makes what it read durable before it believes it.
   */
  readonly durableEnd?: (() => number) | undefined;
  /** What counts as written down by a repair; where it is not given, what the directory has. */
  readonly missing?: MissingRanges | undefined;
}

/** A reader at rest in front of invalid bytes looks for later batches behind them once in so many calls. */
const LOOK_BEHIND_EVERY = 64;

/**
 * Follows the log by offset, from any thread or process, without blocking its writer. It never skips: what it can't
 * read it hands out as damage, and where retention has taken what comes next it throws `OFFSET_GONE`. In place of damage
 * that a repair has written down come batches that say so (`LogBatch.missing`).
 */
export class LogReader {
  readonly #options: LogReaderOptions;
  readonly #from: number;
  #segment: SegmentReader | undefined;
  /** The byte at which the current segment ends as the next one's header has it; undefined in the newest. */
  #recordedEnd: number | undefined;
  /** Damage found on moving to the current segment, handed out before its batches. */
  #pending: Damage[] = [];
  /** What stands for missing records, to be handed out next. */
  readonly #instead: LogBatch[] = [];
  #missing: MissingBatches | undefined;
  /** The last header that could be read: whose epoch missing records count as. */
  #known: SegmentHeader | undefined;
  /** The current segment's unreadable rest has been handed out. */
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
        // Found on moving to the current segment: whatever is missing lies before that.
        const isOpen = () => !this.#isWrittenDown(pending, this.#segment?.baseOffset);
        if (this.#wanted({ damage: pending }) && isOpen()) return { damage: pending };
        continue;
      }
      const segment = this.#segment ?? (await this.#openFirst());
      if (segment === undefined) return { end: { segment: undefined, byte: 0 } };
      if (this.#pending.length > 0) continue;
      if (this.#atBound(segment)) return { end: { segment: segment.baseOffset, byte: segment.byte } };
      const step = await this.#step(segment);
      if (step === undefined || !this.#wanted(step)) continue;
      if (!("damage" in step) || !this.#isWrittenDown(step.damage)) return step;
    }
  }

  async #readMissing(): Promise<MissingBatches> {
    const { directory, missing } = this.#options;
    return new MissingBatches(missing ?? (await readMissingRanges(directory)), this.#from);
  }

  /** Whether a repair has written down something else since this reader began. */
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

  /** Offsets in front of `from` were not asked for. A seal has none. */
  #wanted(step: ReadStep): boolean {
    if ("batch" in step) return step.batch.endOffset > this.#from || step.batch.baseOffset >= this.#from;
    return !("damage" in step) || step.damage.to === undefined || step.damage.to > this.#from;
  }

  /** Whether all of this damage is written down as missing; what stands for it then comes next, up to an offset. */
  #isWrittenDown(damage: Damage, upTo = 0): boolean {
    const place = { segment: this.#segment?.baseOffset ?? 0, header: this.#known };
    const instead = this.#missing?.insteadOf(damage, upTo, place);
    if (instead === undefined) return false;
    this.#instead.push(...instead);
    return true;
  }

  #atBound(segment: SegmentReader): boolean {
    return this.#options.durableEnd !== undefined && segment.offset >= this.#options.durableEnd();
  }

  /** One step in this segment; undefined where it only moved on. */
  async #step(segment: SegmentReader): Promise<ReadStep | undefined> {
    if (segment.header !== undefined && this.#mayRead(segment)) {
      const first = await segment.next();
      if ("batch" in first) return first;
    }
    // Looked up before reading again: a next segment says that everything in front of it is durable by now.
    const nextBase = await this.#baseBehind(segment.baseOffset);
    const bound = this.#options.durableEnd?.();
    segment.refresh();
    let invalid = segment.headerInvalid ?? { expected: "the segment's recorded end", found: "more bytes" };
    if (segment.header !== undefined && this.#mayRead(segment)) {
      const again = await segment.next();
      if ("batch" in again) return again;
      invalid = again.invalid;
    }
    if (nextBase === undefined) return this.#atNewest(segment, invalid, bound);
    return this.#atClosed(segment, nextBase, invalid);
  }

  /** What lies behind a segment's recorded end was never acknowledged, even where it looks like a batch. */
  #mayRead(segment: SegmentReader): boolean {
    return this.#recordedEnd === undefined || segment.byte < this.#recordedEnd;
  }

  /** In front of bytes that are no batch, in the newest segment: its end, for now, or damage. */
  async #atNewest(segment: SegmentReader, invalid: Mismatch, bound: number | undefined): Promise<ReadStep | undefined> {
    const end = { end: { segment: segment.baseOffset, byte: segment.byte } };
    if (segment.header === undefined) {
      return this.#once({ ...damageAt(segment, invalid), byte: 0, to: undefined }) ?? end;
    }
    const size = await segment.size();
    const before = damageAt(segment, invalid);
    // Below the writer's durable end something is wrong for certain; elsewhere this is most often just the end, and
    // looking behind it means reading all that is prepared.
    if (bound !== undefined || this.#calls++ % LOOK_BEHIND_EVERY === 0) {
      if ((await segment.skipToLaterBatch(size, bound ?? Number.MAX_SAFE_INTEGER)) === "found") {
        if (bound === undefined) {
          // It may have been written since, and what was missing before it.
          const found = { byte: segment.byte, offset: segment.offset };
          segment.moveTo({ byte: before.byte, offset: before.from });
          const again = await segment.next();
          if ("batch" in again) return again;
          segment.moveTo(found);
        }
        // Where there is one there may be more: the next rest is looked behind at once.
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
    // Its writer does, once there is a next one: there may be by now.
    if ((await this.#baseBehind(segment.baseOffset)) !== undefined) return undefined;
    const expected = `a file of ${segment.header.preparedSize} bytes`;
    return this.#once({ ...before, to: undefined, expected, found: `${size} bytes` }) ?? end;
  }

  /** In front of bytes that are no batch, in a segment that another follows: its recorded end, or damage. */
  async #atClosed(segment: SegmentReader, nextBase: number, invalid: Mismatch): Promise<ReadStep | undefined> {
    const next = await this.#open(nextBase);
    if (next === undefined) return undefined;
    const previous = next.header?.previous;
    const recorded = previous?.baseOffset === segment.baseOffset ? previous : undefined;
    const before = damageAt(segment, invalid);
    // Where an opening couldn't tell how far the missing records went, the next segment bounds them.
    const isBound = recorded !== undefined && recorded.endOffset > before.from;
    const behind = isBound ? Math.min(recorded.endOffset, nextBase) : nextBase;
    if (segment.header === undefined) {
      this.#known ??= next.header;
      this.#pending.push({ ...before, byte: 0, to: behind });
    } else if (recorded === undefined || segment.byte !== recorded.endByte || segment.offset !== recorded.endOffset) {
      const endByte = recorded?.endByte ?? (await segment.size());
      const maxOffset = recorded?.endOffset ?? nextBase;
      if (segment.byte < endByte && (await segment.skipToLaterBatch(endByte, maxOffset)) === "found") {
        await next.close();
        return segment.offset > before.from ? { damage: { ...before, to: segment.offset } } : undefined;
      }
      if (recorded !== undefined) {
        this.#pending.push({ ...before, to: behind });
      }
    }
    const unchained = recorded === undefined ? brokenChain(segment, next, invalid) : undefined;
    if (unchained !== undefined) this.#pending.push(unchained);
    await segment.close();
    await this.#enter(next);
    return undefined;
  }

  #once(damage: Damage): ReadStep | undefined {
    if (this.#reported) return undefined;
    this.#reported = true;
    return { damage };
  }

  async #openFirst(): Promise<SegmentReader | undefined> {
    for (;;) {
      const bases = await this.#options.directory.segmentBases();
      const first = bases[0];
      if (first === undefined) return undefined;
      if (this.#options.from !== undefined && this.#from < first) await this.#nothingMissing(this.#from, first);
      const base = bases.filter((candidate) => candidate <= this.#from).at(-1) ?? first;
      const segment = await this.#open(base);
      // Taken by retention between the listing and the opening: list again.
      if (segment === undefined) continue;
      await this.#enter(segment);
      const lost = base === first ? segmentsLostBefore(segment) : undefined;
      if (lost !== undefined) this.#pending.push(lost);
      return segment;
    }
  }

  /** What is wanted lies before the oldest segment: fine in the gap between two epochs, or before the log's birth. */
  async #nothingMissing(wanted: number, first: number): Promise<void> {
    const { directory } = this.#options;
    const header = await readHeaderIfThere(directory, first);
    // Removed since the listing, by retention or (an empty one) by an opening: what is there now is looked at next.
    if (header === undefined && !(await directory.segmentBases()).includes(first)) return;
    const to = header === undefined ? first : header.previous?.endOffset;
    if (to === undefined || to <= wanted) return;
    const place = { file: segmentName(first), byte: 0, from: wanted, to };
    if (this.#missing?.ranges.covers(place) !== true) throw this.#gone(wanted, first);
    this.#known ??= header;
    this.#pending.push({ ...place, expected: `offset ${wanted}`, found: "later ones" });
  }

  async #enter(segment: SegmentReader): Promise<void> {
    this.#segment = segment;
    this.#known = segment.header ?? this.#known;
    this.#reported = false;
    const { directory } = this.#options;
    const behind = (await directory.segmentBases()).find((candidate) => candidate > segment.baseOffset);
    const next = behind === undefined ? undefined : await readHeaderIfThere(directory, behind);
    const previous = next?.previous;
    this.#recordedEnd = previous?.baseOffset === segment.baseOffset ? previous.endByte : undefined;
  }

  async #baseBehind(base: number): Promise<number | undefined> {
    const bases = await this.#options.directory.segmentBases();
    const behind = bases.find((candidate) => candidate > base);
    // Retention has overtaken this reader: what lies between is gone, not damaged. Or an opening has removed an empty one.
    if (behind !== undefined && !bases.includes(base)) {
      const first = bases[0] ?? behind;
      if (first > base) await this.#nothingMissing(this.#segment?.offset ?? base, first);
    }
    return behind;
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
