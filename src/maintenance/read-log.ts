import { setTimeout as sleep } from "node:timers/promises";
import { HitsError, systemCode } from "../errors.js";
import type { Damage } from "../wal/damage.js";
import type { LogDirectory } from "../wal/log-directory.js";
import { type LogEnd, LogReader, type ReadStep } from "../wal/log-reader.js";
import type { MissingRanges } from "../wal/missing-ranges.js";
import type { LogBatch } from "../wal/segment-reader.js";

/** Attempts at a read that retention, or a newer snapshot, keeps overtaking. */
const ATTEMPTS = 10;
/** Before the second attempt; doubled before each further one: retention may be removing hundreds of segments. */
const FIRST_PAUSE_MS = 10;

export interface ReadOptions {
  readonly directory: LogDirectory;
  /** The first offset wanted; without it the oldest in the log. */
  readonly from?: number | undefined;
  /** Batches from this offset on are not wanted. */
  readonly to?: number | undefined;
  /** The ranges that count as missing; without them those that the directory lists. */
  readonly missing?: MissingRanges | undefined;
  /** Continues with a new reader where a segment is removed during the read and its records were read already. */
  readonly resumes?: boolean;
  /** Treats a directory that does not exist yet as an end. */
  readonly waitsForLog?: boolean;
  /** Ends the read after the current step. */
  readonly signal?: AbortSignal | undefined;
}

export interface LogVisitor {
  /** Receives each batch, seals too. It is valid until this returns or resolves. */
  batch(batch: LogBatch): Promise<void> | void;
  damage?(damage: Damage): Promise<void> | void;
  /** Called at the end that the log has for now. Resolves to true to read on. */
  end?(end: LogEnd): Promise<boolean>;
}

/** The result of reading a log to its end. */
export interface LogReading extends LogEnd {
  /** The first offset after all batches and all damage of known extent; `from` if there was none. */
  readonly end: number;
  /** The same, without seals: after the last record, missing range or damage. */
  readonly recordsEnd: number;
  readonly damage: readonly Damage[];
}

/** Reads a log up to its current end. Throws `OFFSET_GONE` if retention has removed what comes next. */
export async function readLog(options: ReadOptions, visitor: LogVisitor): Promise<LogReading> {
  const { from = 0, to = Number.POSITIVE_INFINITY, signal } = options;
  const source = new StepSource(options);
  const damage: Damage[] = [];
  let [end, recordsEnd] = [from, from];
  let logEnd: LogEnd = { segment: undefined, byte: 0 };
  try {
    do {
      const step = await source.next();
      if ("end" in step) {
        logEnd = step.end;
        if (visitor.end === undefined || !(await visitor.end(logEnd))) break;
      } else if ("damage" in step) {
        damage.push(step.damage);
        end = Math.max(end, step.damage.to ?? 0);
        recordsEnd = Math.max(recordsEnd, step.damage.to ?? 0);
        await visitor.damage?.(step.damage);
      } else {
        const { batch } = step;
        if (batch.baseOffset >= to) break;
        const { count, endOffset, missing } = batch;
        end = Math.max(end, endOffset);
        if (count > 0 || missing !== undefined) recordsEnd = Math.max(recordsEnd, endOffset);
        await visitor.batch(batch);
        if (endOffset >= to) break;
      }
    } while (signal?.aborted !== true);
    return { ...logEnd, end, recordsEnd, damage };
  } finally {
    await source.close();
  }
}

/** A log's steps from a reader that is replaced, if wanted, when a segment is removed during the read. */
class StepSource {
  readonly #options: ReadOptions;
  #reader: LogReader;
  /** The offset at which a new reader has to continue. */
  #position: number | undefined;
  #isFresh = true;

  constructor(options: ReadOptions) {
    this.#options = options;
    this.#position = options.from;
    this.#reader = this.#newReader();
  }

  async next(): Promise<ReadStep> {
    for (;;) {
      try {
        const step = await this.#reader.next();
        if ("batch" in step) {
          this.#isFresh = false;
          this.#position = step.batch.endOffset;
        }
        return step;
      } catch (error) {
        const { from, resumes, waitsForLog } = this.#options;
        if (systemCode(error) === "ENOENT" && waitsForLog === true && this.#position === from) {
          return { end: { segment: undefined, byte: 0 } };
        }
        if (resumes !== true || this.#isFresh || !isGone(error)) throw error;
        // Only a reader that looks up its place again can tell whether records went with the segment.
        await this.#reader.close();
        this.#reader = this.#newReader();
        this.#isFresh = true;
      }
    }
  }

  close(): Promise<void> {
    return this.#reader.close();
  }

  #newReader(): LogReader {
    const { directory, missing } = this.#options;
    return new LogReader({ directory, from: this.#position, missing });
  }
}

/** Runs a read of a live log, and repeats it if the server removes a segment or a snapshot that is about to be read. */
export async function retryOnRetention<T>(read: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await read();
    } catch (error) {
      const isOvertaken = isGone(error) || systemCode(error) === "ENOENT";
      if (!isOvertaken || attempt === ATTEMPTS) throw error;
      await sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1));
    }
  }
}

/** Returns whether retention has removed what was to be read. */
export function isGone(error: unknown): error is HitsError {
  return error instanceof HitsError && error.code === "OFFSET_GONE";
}
