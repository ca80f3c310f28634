import { describeError, HitsError, systemCode } from "../errors.js";
import type { LogDirectory } from "./log-directory.js";
import { type PreparedSegment, prepareSegment, removePrepared } from "./segment-writer.js";

const RETRY_MS = 1000;

/**
 * The supply of prepared segments, one ahead. A full disk shows here, before anything of a hit is written: hits are refused
 * with `DISK_FULL`, certainly not counted, and accepted again once preparing succeeds (tried every second).
 */
export class SegmentSupply {
  readonly #directory: LogDirectory;
  readonly #size: number;
  #spare: PreparedSegment | undefined;
  #preparing: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #refusal: HitsError | undefined;
  #closed = false;

  constructor(directory: LogDirectory, size: number) {
    this.#directory = directory;
    this.#size = size;
  }

  /** The reason why no segment is available; undefined while one is available or being prepared. */
  get refusal(): HitsError | undefined {
    return this.#refusal;
  }

  /** Starts to prepare the next segment in the background. */
  start(): void {
    if (this.#closed || this.#spare !== undefined || this.#preparing !== undefined) return;
    clearTimeout(this.#retry);
    this.#preparing = this.#prepare(this.#size);
  }

  /** Resolves to the prepared segment, of at least so many bytes, which then belongs to the caller. Throws `DISK_FULL`. */
  async take(minBytes: number): Promise<PreparedSegment> {
    if (this.#refusal === undefined) this.start();
    await this.#preparing;
    // A single batch may be larger than a segment of the usual size.
    if (this.#spare !== undefined && this.#spare.size < minBytes) {
      this.#spare = undefined;
      this.#preparing = this.#prepare(minBytes);
      await this.#preparing;
    }
    const spare = this.#spare;
    if (spare === undefined) throw this.#refusal ?? this.#refuse(new Error("no segment is prepared"));
    this.#spare = undefined;
    return spare;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    await this.#preparing;
    clearTimeout(this.#retry);
    this.#spare = undefined;
    await removePrepared(this.#directory);
  }

  async #prepare(size: number): Promise<void> {
    try {
      this.#spare = await prepareSegment(this.#directory, size);
      this.#refusal = undefined;
    } catch (error) {
      this.#refusal = this.#refuse(error);
      if (!this.#closed) {
        this.#retry = setTimeout(() => this.start(), RETRY_MS);
        this.#retry.unref();
      }
    } finally {
      this.#preparing = undefined;
    }
  }

  #refuse(error: unknown): HitsError {
    const full = systemCode(error) === "ENOSPC" || systemCode(error) === "EDQUOT";
    return new HitsError(
      "DISK_FULL",
      `${full ? "the disk is full" : "cannot create a file"}: no segment of ${this.#size} bytes could be prepared in ` +
        `${this.#directory.path} (${describeError(error)}). Not counted; make room, it is tried again every second`,
      { cause: error },
    );
  }
}
