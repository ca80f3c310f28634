import type { OpenFile } from "./file-system.js";
import {
  BATCH_HEADER_BYTES,
  checksumSeed,
  encodeSegmentHeader,
  HEADER_BYTES,
  type SegmentHeader,
  sealBatch,
} from "./format.js";
import type { LogDirectory } from "./log-directory.js";
import { PREPARED_NAME } from "./segment-name.js";
import { removeIfThere, writeFully } from "./whole-file.js";

const ZEROS = Buffer.alloc(1024 * 1024);
/** Synced in steps, so that a batch never waits for a whole segment of zeros. */
const SYNC_EVERY_BYTES = 8 * 1024 * 1024;

/** A durable file of zeros that will become a segment. */
export interface PreparedSegment {
  readonly size: number;
}

/**
 * Prepares the next segment under a temporary name: every block of it is allocated and synced, so that a durable write
 * into it changes no metadata and can't fail for lack of space. Removes the file if that fails (`ENOSPC`, …).
 */
export async function prepareSegment(directory: LogDirectory, size: number): Promise<PreparedSegment> {
  const file = directory.file(PREPARED_NAME);
  await removeIfThere(directory.fs, file);
  const handle = await directory.fs.open(file, "create");
  try {
    try {
      for (let at = 0; at < size; at += ZEROS.length) {
        await writeFully(handle, ZEROS.subarray(0, Math.min(ZEROS.length, size - at)), at);
        if ((at + ZEROS.length) % SYNC_EVERY_BYTES === 0) await handle.sync();
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    await removeIfThere(directory.fs, file);
    throw error;
  }
  return { size };
}

export function removePrepared(directory: LogDirectory): Promise<void> {
  return removeIfThere(directory.fs, directory.file(PREPARED_NAME));
}

/** Makes the prepared file the segment of this header: header durable, then its name, then the name durable. */
export async function activateSegment(directory: LogDirectory, header: SegmentHeader): Promise<SegmentWriter> {
  const prepared = directory.file(PREPARED_NAME);
  const handle = await directory.fs.open(prepared, "update");
  try {
    await writeFully(handle, encodeSegmentHeader(header), 0);
    await handle.sync();
  } finally {
    await handle.close();
  }
  const file = directory.segment(header.baseOffset);
  await directory.fs.rename(prepared, file);
  await directory.sync();
  return new SegmentWriter(await directory.fs.open(file, "durable"), header);
}

/** The log's newest segment, open for writing. Its caller must write one batch at a time, and stop at the first failure. */
export class SegmentWriter {
  readonly header: SegmentHeader;
  /** The position of the next batch. */
  byte = HEADER_BYTES;
  /** The next batch's base offset. */
  offset: number;
  readonly #file: OpenFile;
  readonly #seed: number;

  constructor(file: OpenFile, header: SegmentHeader) {
    this.#file = file;
    this.header = header;
    this.offset = header.baseOffset;
    this.#seed = checksumSeed(header.nonce);
  }

  /** True if a batch of so many bytes fits, and a seal after it. */
  hasRoomFor(batchBytes: number): boolean {
    return this.byte + batchBytes + BATCH_HEADER_BYTES <= this.header.preparedSize;
  }

  /**
   * Writes a batch whose records are in `buffer` from `BATCH_HEADER_BYTES` to `length`; it is durable when this resolves.
   * A failed or short write rejects, and what the file then holds is unknown: a failed sync marks pages clean, so
   * trying again would lie.
   */
  async write(buffer: Buffer, length: number, baseOffset: number, count: number, time: number): Promise<void> {
    sealBatch(buffer, length, { seed: this.#seed, baseOffset, count, time });
    const written = await this.#file.write(buffer, 0, length, this.byte);
    if (written !== length) throw new Error(`a batch of ${length} bytes was written in part: ${written} bytes`);
    if (!this.#file.writesAreDurable) await this.#file.sync();
    this.byte += length;
    this.offset = baseOffset + count;
  }

  /** Writes a seal, which proves all batches before it. */
  async seal(offset: number, time: number): Promise<void> {
    await this.write(Buffer.alloc(BATCH_HEADER_BYTES), BATCH_HEADER_BYTES, offset, 0, time);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** Cuts a closed segment to its durable end, as recorded in the next segment's header. */
export async function trimSegment(directory: LogDirectory, baseOffset: number, size: number): Promise<void> {
  const handle = await directory.fs.open(directory.segment(baseOffset), "update");
  try {
    if ((await handle.size()) > size) {
      await handle.truncate(size);
      await handle.sync();
    }
  } finally {
    await handle.close();
  }
}
