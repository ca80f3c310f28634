import { crc32 } from "node:zlib";
import { describeError, HitsError } from "../../errors.js";
import { MAX_AHEAD_MS } from "../../model/hit.js";
import type { Damage } from "../../wal/damage.js";
import { readU64, writeU64 } from "../../wal/format.js";
import { KEY_BYTES, type KeysImage } from "../idempotency-keys.js";
import { dayOf } from "../series/days.js";
import type { Series } from "../series/series.js";
import { restoreSeries, seriesBytes, seriesLength } from "../series/series-bytes.js";
import { Totals, type TotalsImage } from "../totals.js";

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
const HEAD_BYTES = 36;

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

/** The bytes of a snapshot, in parts: its series is gathered a day at a time, and not before it is asked for. */
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

/** The facts of a snapshot's bytes; undefined if they fail their checksum. Throws `LOG_FORMAT`. */
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

/** The parts of the body; undefined if they fail their checksum. */
export function bodyOf(bytes: Buffer, facts: SnapshotFacts) {
  const start = HEAD_BYTES + bytes.readUInt32LE(12);
  const size = readU64(bytes, 16) ?? 0;
  const remoteAt = start + size * 8;
  const namesAt = remoteAt + size * 8;
  const keysAt = namesAt + (readU64(bytes, 24) ?? 0);
  const seriesAt = keysAt + facts.keys * KEY_BYTES;
  const end = seriesAt + (facts.series?.bytes ?? 0);
  if (end + 4 !== bytes.length) return undefined;
  if (crc32(bytes.subarray(start, end)) !== bytes.readUInt32LE(end)) return undefined;
  return {
    counts: bytes.subarray(start, remoteAt),
    remote: bytes.subarray(remoteAt, namesAt),
    names: bytes.subarray(namesAt, keysAt),
    keys: bytes.subarray(keysAt, seriesAt),
    series: bytes.subarray(seriesAt, end),
  };
}

/** Totals and keys of a snapshot; undefined if its body is damaged. */
export function decodeContent(bytes: Buffer, facts: SnapshotFacts): { totals: Totals; keys: Buffer } | undefined {
  const body = bodyOf(bytes, facts);
  if (body === undefined) return undefined;
  const totals = new Totals();
  const sound = totals.restore(doublesOf(body.counts), doublesOf(body.remote), body.names);
  return sound && restoreSeriesOf(totals.series, facts, body.series) ? { totals, keys: body.keys } : undefined;
}

function restoreSeriesOf(series: Series, facts: SnapshotFacts, bytes: Buffer): boolean {
  if (facts.series === undefined) {
    const created = Date.parse(facts.created);
    // The day after the last one that a hit in it can belong to.
    series.startAt(dayOf((Number.isNaN(created) ? Date.now() : created) + MAX_AHEAD_MS) + 1);
    return true;
  }
  series.restoreBounds(facts.series.since, facts.series.hoursSince);
  return restoreSeries(series, bytes);
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

/** A copy: a double must be at a multiple of eight. */
function doublesOf(bytes: Buffer): Float64Array {
  const doubles = new Float64Array(bytes.length / 8);
  bytesOf(doubles).set(bytes);
  return doubles;
}
