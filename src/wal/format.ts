import { crc32 } from "node:zlib";

/**
 * The log's format on disk, byte by byte. All numbers are little-endian; times are epoch milliseconds.
 *
 * A segment file:
 *
 *     0          4096                                                   prepared size
 *     | header   | batch | batch | seal | batch | … | zeros, prepared ahead |
 *
 * The header is durable before the file has its name, and keeps a block of its own, so that no later write touches it.
 * Its checksum is a plain CRC-32 of the 96 bytes before it:
 *
 *      0  8  magic "DHITSLOG"                        56  8  prepared size of this file
 *      8  4  format version                          64  8  created
 *     12  4  size of this header, 4096               72  8  previous segment: base offset, all ones for none
 *     16 16  log id, ASCII a–z and 0–9               80  8  previous segment: durable end, byte
 *     32  8  epoch                                   88  8  previous segment: durable end, offset
 *     40  8  nonce of the epoch                      96  4  CRC-32
 *     48  8  base offset
 *
 * The previous segment's durable end overrides all bytes after it in that file.
 *
 * A record batch is what is written, checksummed and made durable as one. Its CRC-32 (as in zlib and PNG) covers all
 * but itself and starts from the CRC of the epoch's nonce, so that a batch of another epoch or another log never passes:
 *
 *      0  4  magic "DHB1"                            16  8  base offset: of the first record
 *      4  4  length, this header included            24  8  time when it was written
 *      8  4  CRC-32                                  32  …  records: varint length, then that many bytes
 *     12  4  records in it; 0 in a seal
 *
 * A seal is a batch without records, written when the log becomes idle and on close. It proves all batches before it.
 */
export const FORMAT_VERSION = 1;
export const HEADER_BYTES = 4096;
export const BATCH_HEADER_BYTES = 32;
/** The largest batch: no reader allocates more for a length that it has not checked. */
export const MAX_BATCH_BYTES = 16 * 1024 * 1024;
export const MAX_BATCH_RECORDS = 2 ** 20 - 1;
/** The distance between the last offset of an epoch and the first of the next: larger than the largest batch. */
export const EPOCH_GAP = 2 ** 20;
export const NONCE_BYTES = 8;

const SEGMENT_MAGIC = Buffer.from("DHITSLOG", "latin1");
const SEGMENT_CHECKSUM_AT = 96;
export const BATCH_MAGIC = Buffer.from("DHB1", "latin1");
const BATCH_MAGIC_WORD = BATCH_MAGIC.readUInt32LE(0);
const LOG_ID = /^[a-z0-9]{16}$/;

export interface SegmentHeader {
  readonly logId: string;
  readonly epoch: number;
  /** Sixteen hexadecimal digits. */
  readonly nonce: string;
  readonly baseOffset: number;
  /** The file's size in bytes when it got its name. */
  readonly preparedSize: number;
  readonly created: number;
  readonly previous: PreviousSegment | undefined;
}

export interface PreviousSegment {
  readonly baseOffset: number;
  readonly endByte: number;
  readonly endOffset: number;
}

/** A difference between the bytes expected and the bytes found, as text. */
export interface Mismatch {
  readonly expected: string;
  readonly found: string;
}

export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const block = Buffer.alloc(HEADER_BYTES);
  SEGMENT_MAGIC.copy(block, 0);
  block.writeUInt32LE(FORMAT_VERSION, 8);
  block.writeUInt32LE(HEADER_BYTES, 12);
  block.write(header.logId, 16, 16, "latin1");
  writeU64(block, 32, header.epoch);
  block.write(header.nonce, 40, NONCE_BYTES, "hex");
  writeU64(block, 48, header.baseOffset);
  writeU64(block, 56, header.preparedSize);
  writeU64(block, 64, header.created);
  if (header.previous === undefined) {
    block.fill(0xff, 72, 96);
  } else {
    writeU64(block, 72, header.previous.baseOffset);
    writeU64(block, 80, header.previous.endByte);
    writeU64(block, 88, header.previous.endOffset);
  }
  block.writeUInt32LE(crc32(block.subarray(0, SEGMENT_CHECKSUM_AT)), SEGMENT_CHECKSUM_AT);
  return block;
}

/**
 * Decodes the header in the first bytes of a segment file. `version`: it is sound, but of another format version, which is
 * not damage; this program is too old or too new for it.
 */
export function decodeSegmentHeader(
  block: Buffer,
  baseOffset: number,
): { header: SegmentHeader } | { version: number } | { invalid: Mismatch } {
  const invalid = (expected: string, found: string) => ({ invalid: { expected, found } });
  if (block.length < SEGMENT_CHECKSUM_AT + 4) {
    return invalid(`a segment header of ${HEADER_BYTES} bytes`, `${block.length} bytes`);
  }
  if (!block.subarray(0, 8).equals(SEGMENT_MAGIC)) {
    return invalid('a segment header that begins with "DHITSLOG"', `bytes ${block.toString("hex", 0, 8)}`);
  }
  const checksum = crc32(block.subarray(0, SEGMENT_CHECKSUM_AT));
  const stored = block.readUInt32LE(SEGMENT_CHECKSUM_AT);
  const version = block.readUInt32LE(8);
  if (checksum !== stored) return invalid(`header checksum ${hex32(checksum)}`, hex32(stored));
  // Magic, version and checksum keep their place in every version, so that a flipped bit never passes for another version.
  if (version !== FORMAT_VERSION) return { version };
  const logId = block.toString("latin1", 16, 32);
  const epoch = readU64(block, 32);
  const base = readU64(block, 48);
  const preparedSize = readU64(block, 56);
  const created = readU64(block, 64);
  if (!LOG_ID.test(logId)) return invalid("a log id of lower-case letters and digits", JSON.stringify(logId));
  if (base !== baseOffset) return invalid(`base offset ${baseOffset}, as in the file's name`, `${base}`);
  if (epoch === undefined || preparedSize === undefined || created === undefined) {
    return invalid("numbers below 2^53", "larger ones");
  }
  let previous: PreviousSegment | undefined;
  if (!block.subarray(72, 80).every((byte) => byte === 0xff)) {
    const [base, endByte, endOffset] = [readU64(block, 72), readU64(block, 80), readU64(block, 88)];
    if (base === undefined || endByte === undefined || endOffset === undefined) {
      return invalid("numbers below 2^53", "larger ones");
    }
    previous = { baseOffset: base, endByte, endOffset };
  }
  const nonce = block.toString("hex", 40, 40 + NONCE_BYTES);
  return { header: { logId, epoch, nonce, baseOffset, preparedSize, created, previous } };
}

/** Returns the value that every batch checksum of an epoch starts from. */
export function checksumSeed(nonce: string): number {
  return crc32(Buffer.from(nonce, "hex"));
}

/** Fills in the header of a batch whose records are already in `buffer` from `BATCH_HEADER_BYTES` to `length`. */
export function sealBatch(
  buffer: Buffer,
  length: number,
  batch: { seed: number; baseOffset: number; count: number; time: number },
): void {
  buffer.writeUInt32LE(BATCH_MAGIC_WORD, 0);
  buffer.writeUInt32LE(length, 4);
  buffer.writeUInt32LE(batch.count, 12);
  writeU64(buffer, 16, batch.baseOffset);
  writeU64(buffer, 24, batch.time);
  buffer.writeUInt32LE(batchChecksum(buffer, 0, length, batch.seed), 8);
}

/** A batch in a buffer. */
export interface BatchView {
  readonly baseOffset: number;
  readonly count: number;
  readonly time: number;
  /** The batch is `[start, end)` of the buffer. */
  readonly start: number;
  readonly end: number;
}

/** Bounds that a batch must be within. */
export interface BatchExpectation {
  readonly seed: number;
  /** The lowest base offset. */
  readonly from: number;
  /** The highest base offset: equal to `from` if the batch must follow the one before it. */
  readonly to: number;
}

/**
 * Parses the batch that begins at `start`. `more`: the buffer ends too early, and so many bytes from `start` are needed.
 * `checked`: so many bytes were checksummed to find that there is no batch; absent if its header was enough.
 */
export function parseBatch(
  buffer: Buffer,
  start: number,
  available: number,
  expected: BatchExpectation,
): { batch: BatchView } | { more: number } | { invalid: Mismatch; checked?: number } {
  if (available < BATCH_HEADER_BYTES) return { more: BATCH_HEADER_BYTES };
  const magic = buffer.readUInt32LE(start);
  if (magic !== BATCH_MAGIC_WORD) return bad('a batch that begins with "DHB1"', `bytes ${hexAt(buffer, start, 4)}`);
  const length = buffer.readUInt32LE(start + 4);
  if (length < BATCH_HEADER_BYTES || length > MAX_BATCH_BYTES) {
    return bad(`a batch length from ${BATCH_HEADER_BYTES} to ${MAX_BATCH_BYTES}`, `${length}`);
  }
  const count = buffer.readUInt32LE(start + 12);
  const baseOffset = readU64(buffer, start + 16);
  const time = readU64(buffer, start + 24);
  if (baseOffset === undefined || baseOffset < expected.from || baseOffset > expected.to) {
    return bad(`a batch at offset ${expected.from}`, baseOffset === undefined ? "no offset" : `offset ${baseOffset}`);
  }
  if (count > MAX_BATCH_RECORDS || time === undefined) {
    return bad(`at most ${MAX_BATCH_RECORDS} records`, `${count} records`);
  }
  if (available < length) return { more: length };
  const checksum = batchChecksum(buffer, start, length, expected.seed);
  const stored = buffer.readUInt32LE(start + 8);
  if (checksum !== stored) return { ...bad(`batch checksum ${hex32(checksum)}`, hex32(stored)), checked: length };
  return { batch: { baseOffset, count, time, start, end: start + length } };
}

function bad(expected: string, found: string): { invalid: Mismatch } {
  return { invalid: { expected, found } };
}

function batchChecksum(buffer: Buffer, start: number, length: number, seed: number): number {
  const head = crc32(buffer.subarray(start, start + 8), seed);
  return crc32(buffer.subarray(start + 12, start + length), head);
}

export function writeU64(target: Buffer, at: number, value: number): void {
  target.writeUInt32LE(value % 2 ** 32, at);
  target.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4);
}

/** Reads a 64-bit number; undefined from 2^53 on, which a double would round. */
export function readU64(source: Buffer, at: number): number | undefined {
  const high = source.readUInt32LE(at + 4);
  return high < 2 ** 21 ? high * 2 ** 32 + source.readUInt32LE(at) : undefined;
}

/** Eight hexadecimal digits, as checksums are written in text. */
export function hex8(value: number): string {
  return value.toString(16).padStart(8, "0");
}

function hex32(value: number): string {
  return `0x${hex8(value)}`;
}

function hexAt(buffer: Buffer, at: number, length: number): string {
  return buffer.toString("hex", at, at + length);
}
