import { describeError } from "../errors.js";
import type { LogDirectory } from "./log-directory.js";
import type { Recovery } from "./recovery.js";
import { type SegmentWriter, trimSegment } from "./segment-writer.js";
import { removeIfThere } from "./whole-file.js";

export interface SegmentTotals {
  /** The oldest segment's base offset. */
  readonly start: number | undefined;
  readonly count: number;
  readonly bytes: number;
}

export async function measureSegments(directory: LogDirectory): Promise<SegmentTotals> {
  const bases = await directory.segmentBases();
  let bytes = 0;
  for (const base of bases) bytes += await segmentSize(directory, base);
  return { start: bases[0], count: bases.length, bytes };
}

export async function segmentSize(directory: LogDirectory, baseOffset: number): Promise<number> {
  const file = await directory.fs.open(directory.segment(baseOffset), "read");
  try {
    return await file.size();
  } finally {
    await file.close();
  }
}

export interface ClosedSegmentsOptions {
  readonly directory: LogDirectory;
  /** Counted before the log has a segment of its own. */
  readonly found: SegmentTotals;
  /** The log's first offset if there is no segment. */
  readonly start: number;
  /** Bytes of the segment in use; undefined until there is one. */
  readonly activeBytes: () => number | undefined;
  readonly onWarning: (message: string) => void;
}

/** The log's segments but for the one in use: their number and bytes, and the work left once a next one is durable. */
export class ClosedSegments {
  readonly #options: ClosedSegmentsOptions;
  #count: number;
  #bytes: number;
  #start: number;
  #work: Promise<void> = Promise.resolve();

  constructor(options: ClosedSegmentsOptions) {
    this.#options = options;
    this.#count = options.found.count;
    this.#bytes = options.found.bytes;
    this.#start = options.found.start ?? options.start;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The log's first offset. */
  get start(): number {
    return this.#start;
  }

  /** Counts a segment that the next one has replaced; closes it and cuts it to its end in the background. */
  add(segment: SegmentWriter): void {
    this.#count++;
    this.#bytes += segment.byte;
    this.#queue(async () => {
      await segment.close();
      await trimSegment(this.#options.directory, segment.header.baseOffset, segment.byte);
    });
  }

  /** Cuts and removes, in the background, what the recovery found to be cut and removed. */
  tidy({ trim, reclaim }: Pick<Recovery, "trim" | "reclaim">): void {
    const { directory } = this.#options;
    this.#queue(async () => {
      if (trim !== undefined) await trimSegment(directory, trim.baseOffset, trim.size);
      for (const base of reclaim) await removeIfThere(directory.fs, directory.segment(base));
      if (reclaim.length > 0) await directory.sync();
      await this.recount();
    });
  }

  /** Counts the segments in the directory again. */
  async recount(): Promise<void> {
    const found = await measureSegments(this.#options.directory);
    const active = this.#options.activeBytes();
    this.#start = found.start ?? this.#start;
    this.#count = found.count - (active === undefined ? 0 : 1);
    this.#bytes = found.bytes - (active ?? 0);
  }

  /** Resolves once nothing is left to do in the background. */
  settled(): Promise<void> {
    return this.#work;
  }

  #queue(step: () => Promise<void>): void {
    this.#work = this.#work.then(step).catch((error: unknown) => {
      this.#options.onWarning(`cannot cut a closed segment to its end: ${describeError(error)}`);
    });
  }
}
