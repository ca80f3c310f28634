import { crc32 } from "node:zlib";
import { describeError, HitsError } from "../../errors.js";
import type { Damage } from "../../wal/damage.js";
import { readU64, writeU64 } from "../../wal/format.js";
import { KEY_BYTES, type KeysImage } from "../idempotency-keys.js";
import { seriesBytes, seriesLength } from "../series/series-bytes.js";
import type { TotalsImage } from "../totals.js";

/**
 * A snapshot: the totals of all counters at one offset, in a file of its own. All numbers are little-endian.
 *
 *      0  8  magic "DHITSNAP"              32  4  CRC-32 of bytes 0 to 32 and of the facts
 *      8  4  format version, 2             36  …  facts: JSON (log id, epoch, nonce, offset, created, damage, series)
 *     12  4  length of the facts            …  8  for each counter: this log's count, a double
 *     16  8  number of counters             …  8  for each counter: other logs' count as last known, a double
 *                                           …  …  for each counter: 16-bit length and name, UTF-8
 *                                           …  …  idempotency keys; layout in idempotency-keys.ts
 *                                           …  …  counts by hour and day; layout in series-bytes.ts
 *     24  8  length of the names            …  4  CRC-32 of everything from the counts on
 *
 * The facts have a checksum of their own, so that a snapshot with a damaged body still proves how far the log had come.
 * Version 1 has no counts by hour and day: these begin on the day after it.
 */
const MAGIC = "DHITSNAP";
const VERSION = 2;
const WITHOUT_SERIES = 1;
export const HEAD_BYTES = 36;

export interface SnapshotFacts {
  readonly logId: string;
  readonly epoch: number;
  readonly nonce: string;
  /** The first offset that is not in the totals. */
  readonly offset: number;
  /** RFC 3339. */
  readonly created: string;
  /** RFC 3339: when other logs' counts were last known; null for never. */
  readonly asOf: string | null;
  /** Number of idempotency keys. */
  readonly keys: number;
  /** Damage in the log up to this offset: the totals may be too low by the hits in it. */
  readonly damage: readonly Damage[];
  /** The first day with counts, the first day with hours, and the length of both in bytes; absent in version 1. */
  readonly series?: {
    readonly since: number | null;
    readonly hoursSince: number | null;
    readonly bytes: number;
  };
}

/** The facts of a snapshot to be written. */
export type NewSnapshotFacts = Omit<SnapshotFacts, "keys" | "series">;

/** A snapshot to be written. */
export interface NewSnapshot {
  readonly facts: NewSnapshotFacts;
  readonly image: TotalsImage;
  readonly keys?: KeysImage;
}

/** The bytes of a snapshot, in parts: its series is gathered in small ones, and not before it is asked for. */
export function encodeSnapshot({ facts: known, image, keys = [] }: NewSnapshot): Generator<Uint8Array> {
  const keyParts = keys.map(({ buffer, from, to }) => Buffer.from(buffer, from, to - from));
  const { since, hoursSince } = image.series;
  const series = { since, hoursSince, bytes: seriesLength(image.series) };
  const facts: SnapshotFacts = { ...known, keys: lengthOf(keyParts) / KEY_BYTES, series };
  const json = Buffer.from(JSON.stringify(facts));
  const head = Buffer.alloc(HEAD_BYTES);
  const names = image.names.map(({ buffer, used }) => Buffer.from(buffer, 0, used));
  head.write(MAGIC, 0, "latin1");
  head.writeUInt32LE(VERSION, 8);
  head.writeUInt32LE(json.length, 12);
  writeU64(head, 16, image.size);
  writeU64(head, 24, lengthOf(names));
  head.writeUInt32LE(crc32(json, crc32(head.subarray(0, 32))), 32);
  const body = [bytesOf(image.counts), bytesOf(image.remote), ...names, ...keyParts];
  return withChecksum([head, json], body, seriesBytes(image.series));
}

/** Returns the facts of a snapshot's first bytes; undefined if they fail their checksum. Throws `LOG_FORMAT`. */
export function decodeFacts(bytes: Buffer): SnapshotFacts | undefined {
  if (bytes.length < HEAD_BYTES || bytes.toString("latin1", 0, 8) !== MAGIC) return undefined;
  const length = bytes.readUInt32LE(12);
  if (HEAD_BYTES + length > bytes.length) return undefined;
  const json = bytes.subarray(HEAD_BYTES, HEAD_BYTES + length);
  if (crc32(json, crc32(bytes.subarray(0, 32))) !== bytes.readUInt32LE(32)) return undefined;
  const version = bytes.readUInt32LE(8);
  if (version !== VERSION && version !== WITHOUT_SERIES) {
    const message = `a snapshot has format version ${version}, this program reads up to ${VERSION}: run the release that wrote it`;
    throw new HitsError("LOG_FORMAT", message);
  }
  try {
    return JSON.parse(json.toString("utf8")) as SnapshotFacts;
  } catch (error) {
    throw new HitsError(
      "LOG_FORMAT",
      `a snapshot's facts pass their checksum but are not JSON: ${describeError(error)}`,
    );
  }
}

/** Where the parts of a snapshot's body begin in its file: counts at `start`, the checksum at `end`. */
export interface BodySections {
  readonly start: number;
  readonly namesAt: number;
  readonly keysAt: number;
  readonly seriesAt: number;
  readonly end: number;
}

/** Returns the parts of the body; undefined if the file has not the length of all of them. */
export function bodySections(head: Buffer, facts: SnapshotFacts, fileBytes: number): BodySections | undefined {
  const start = HEAD_BYTES + head.readUInt32LE(12);
  const namesAt = start + (readU64(head, 16) ?? 0) * 16;
  const keysAt = namesAt + (readU64(head, 24) ?? 0);
  const seriesAt = keysAt + facts.keys * KEY_BYTES;
  const end = seriesAt + (facts.series?.bytes ?? 0);
  return end + 4 === fileBytes ? { start, namesAt, keysAt, seriesAt, end } : undefined;
}

/** All parts in order, then the checksum of the body. */
function* withChecksum(head: readonly Buffer[], ...body: readonly Iterable<Uint8Array>[]): Generator<Uint8Array> {
  yield* head;
  let crc = 0;
  for (const parts of body) {
    for (const part of parts) {
      crc = crc32(part, crc);
      yield part;
    }
  }
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(crc);
  yield checksum;
}

function lengthOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((total, part) => total + part.length, 0);
}

function bytesOf(doubles: Float64Array): Buffer {
  return Buffer.from(doubles.buffer, doubles.byteOffset, doubles.byteLength);
}
