import type { OpenFile } from "./file-system.js";
import {
  BATCH_HEADER_BYTES,
  BATCH_MAGIC,
  type BatchExpectation,
  checksumSeed,
  HEADER_BYTES,
  type Mismatch,
  parseBatch,
  type SegmentHeader,
} from "./format.js";
import type { LogDirectory } from "./log-directory.js";
import type { MissingRange } from "./missing-ranges.js";
import { readHeaderOf } from "./segment-header.js";
import { readFully } from "./whole-file.js";

const CHUNK_BYTES = 1024 * 1024;
/** A search for a later batch checks at most so many bytes, plus so many times the bytes that it searches. */
const SEARCH_BYTES = 64 * 1024 * 1024;
const SEARCH_FACTOR = 8;

/** A record batch as a reader returns it. Its buffer is valid until the reader is asked for the next. */
export interface LogBatch {
  readonly baseOffset: number;
  /** 0 in a seal. */
  readonly count: number;
  /** The first offset after it. */
  readonly endOffset: number;
  readonly time: number;
  readonly epoch: number;
  readonly nonce: string;
  /** The segment's base offset, and the batch's bytes in that file. */
  readonly segment: number;
  readonly byte: number;
  readonly endByte: number;
  /** `buffer[recordsStart..recordsEnd)`: each record follows its varint length. */
  readonly buffer: Buffer;
  readonly recordsStart: number;
  readonly recordsEnd: number;
  /**
   * Set if this is not a batch of the file, but in place of what a repair recorded as missing: one restored record, or with
   * count 0 the whole range, whose end is then `endOffset`.
   */
  readonly missing?: MissingRange;
}

interface OpenSegment {
  readonly file: OpenFile;
  readonly baseOffset: number;
  readonly decoded: { readonly header: SegmentHeader } | { readonly invalid: Mismatch };
  readonly size: number;
  readonly syncReads: boolean;
}

/**
 * A reader of the batches of one segment file, in order, a chunk at a time. It judges bytes, not whole logs: the meaning
 * of a missing or invalid batch is for its users (recovery and LogReader), which know what proves what.
 */
export class SegmentReader {
  readonly baseOffset: number;
  /** Undefined if the header is damaged: then nothing in the file can be trusted. */
  readonly header: SegmentHeader | undefined;
  readonly headerInvalid: Mismatch | undefined;
  /** The expected position of the next batch, and its expected base offset. */
  byte = HEADER_BYTES;
  offset: number;

  readonly #file: OpenFile;
  readonly #syncReads: boolean;
  readonly #seed: number;
  readonly #chunkBytes: number;
  #buffer: Buffer = Buffer.alloc(0);
  #bufferAt = 0;
  #bufferLength = 0;

  private constructor({ file, baseOffset, decoded, size, syncReads }: OpenSegment) {
    this.#file = file;
    this.#chunkBytes = Math.min(CHUNK_BYTES, Math.max(size, BATCH_HEADER_BYTES));
    this.baseOffset = baseOffset;
    this.offset = baseOffset;
    this.header = "header" in decoded ? decoded.header : undefined;
    this.headerInvalid = "invalid" in decoded ? decoded.invalid : undefined;
    this.#seed = this.header === undefined ? 0 : checksumSeed(this.header.nonce);
    this.#syncReads = syncReads;
  }

  /**
   * Opens a segment. `syncReads`: make the file durable after each read, before the bytes are trusted. For readers outside
   * the writing process: after a kill -9 the page cache has bytes that no disk has.
   */
  static async open(
    directory: LogDirectory,
    baseOffset: number,
    options: { syncReads: boolean },
  ): Promise<SegmentReader> {
    const file = await directory.fs.open(directory.segment(baseOffset), "read");
    try {
      const decoded = await readHeaderOf(file, baseOffset, directory);
      return new SegmentReader({ file, baseOffset, decoded, size: await file.size(), syncReads: options.syncReads });
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  size(): Promise<number> {
    return this.#file.size();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** Drops what was read ahead, so that the next batch comes from the file as it is now. */
  refresh(): void {
    this.#bufferLength = 0;
  }

  /** Moves to another position, and reads the file again there. */
  moveTo(place: { readonly byte: number; readonly offset: number }): void {
    this.byte = place.byte;
    this.offset = place.offset;
    this.refresh();
  }

  /** Resolves to the batch at `byte` and moves past it, or to the reason why there is none. */
  async next(): Promise<{ batch: LogBatch } | { invalid: Mismatch }> {
    const step = await this.#parseAt(this.byte, { seed: this.#seed, from: this.offset, to: this.offset });
    if ("batch" in step) {
      this.byte = step.batch.endByte;
      this.offset = step.batch.endOffset;
    }
    return step;
  }

  /**
   * Searches after the invalid bytes at `byte` for a later batch of this segment, up to `endByte`. Moves to it if one is
   * found, else stays. Gives up if more bytes look like the beginning of a batch than a crash or a disk could leave: each
   * place takes a checksum of up to 16 MiB.
   */
  async skipToLaterBatch(endByte: number, maxOffset: number): Promise<"found" | "none" | "gave up"> {
    let budget = SEARCH_BYTES + SEARCH_FACTOR * (endByte - this.byte);
    const expected = { seed: this.#seed, from: this.offset, to: maxOffset };
    let at = this.byte + 1;
    while (at + BATCH_HEADER_BYTES <= endByte) {
      const available = await this.#fill(at, BATCH_HEADER_BYTES);
      if (available < BATCH_HEADER_BYTES) return "none";
      const start = at - this.#bufferAt;
      const found = this.#buffer.subarray(0, this.#bufferLength).indexOf(BATCH_MAGIC, start);
      if (found === -1) {
        // The magic may cross the chunk's end.
        at = this.#bufferAt + this.#bufferLength - (BATCH_MAGIC.length - 1);
        continue;
      }
      at = this.#bufferAt + found;
      if (at >= endByte) return "none";
      const step = await this.#parseAt(at, expected);
      if ("batch" in step) {
        this.byte = at;
        this.offset = step.batch.baseOffset;
        return "found";
      }
      budget -= step.checked ?? 0;
      if (budget < 0) return "gave up";
      at += 1;
    }
    return "none";
  }

  /** Resolves to the end of the last byte from `byte` on that is not zero; to `byte` if there is none. */
  async endOfContent(byte: number): Promise<number> {
    let end = byte;
    for (let at = byte; (await this.#fill(at, 1)) > 0; at = this.#bufferAt + this.#bufferLength) {
      let last = this.#bufferLength;
      while (last > at - this.#bufferAt && this.#buffer[last - 1] === 0) last--;
      if (last > at - this.#bufferAt) end = this.#bufferAt + last;
    }
    return end;
  }

  async #parseAt(
    at: number,
    expected: BatchExpectation,
  ): Promise<{ batch: LogBatch } | { invalid: Mismatch; checked?: number }> {
    let wanted = BATCH_HEADER_BYTES;
    for (;;) {
      const available = await this.#fill(at, wanted);
      const parsed = parseBatch(this.#buffer, at - this.#bufferAt, available, expected);
      if ("invalid" in parsed) return parsed;
      if ("batch" in parsed) return { batch: this.#logBatch(parsed.batch) };
      if (available < parsed.more && wanted >= parsed.more) {
        const found = `${available} bytes to the end of the file`;
        const wants = `a batch at offset ${expected.from}, ${parsed.more} bytes or more`;
        return { invalid: { expected: wants, found }, checked: available };
      }
      wanted = parsed.more;
    }
  }

  #logBatch(view: { baseOffset: number; count: number; time: number; start: number; end: number }): LogBatch {
    return {
      baseOffset: view.baseOffset,
      count: view.count,
      endOffset: view.baseOffset + view.count,
      time: view.time,
      epoch: this.header?.epoch ?? 0,
      nonce: this.header?.nonce ?? "",
      segment: this.baseOffset,
      byte: this.#bufferAt + view.start,
      endByte: this.#bufferAt + view.end,
      buffer: this.#buffer,
      recordsStart: view.start + BATCH_HEADER_BYTES,
      recordsEnd: view.end,
    };
  }

  /** Reads until at least `wanted` bytes from `at` are in the buffer, if the file has them; resolves to their number. */
  async #fill(at: number, wanted: number): Promise<number> {
    const have = this.#bufferAt + this.#bufferLength - at;
    if (at >= this.#bufferAt && have >= wanted) return have;
    let size = Math.max(this.#chunkBytes, wanted);
    // A length that is not checked yet takes no more memory than the file has bytes.
    if (size > this.#chunkBytes) size = Math.max(this.#chunkBytes, Math.min(size, (await this.#file.size()) - at));
    // A new buffer only if one batch needs more: views of the old one were for the batch before.
    if (size > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(size);
    this.#bufferAt = at;
    this.#bufferLength = await readFully(this.#file, this.#buffer.subarray(0, size), at);
    if (this.#syncReads && this.#bufferLength > 0) await this.#file.sync();
    return this.#bufferLength;
  }
}
