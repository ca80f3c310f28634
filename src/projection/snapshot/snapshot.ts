import { crc32 } from "node:zlib";
import { describeError, HitsError, systemCode } from "../../errors.js";
import { MAX_AHEAD_MS } from "../../model/hit.js";
import type { Damage } from "../../wal/damage.js";
import type { FileSystem } from "../../wal/file-system.js";
import { readU64, writeU64 } from "../../wal/format.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import type { MissingRanges } from "../../wal/missing-ranges.js";
import { SNAPSHOT_DIRECTORY } from "../../wal/segment-name.js";
import { readWholeFile, removeIfThere, replaceFile } from "../../wal/whole-file.js";
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
 *                                           …  …  idempotency keys, as idempotency-keys.ts draws them
 *                                           …  …  counts by hour and day, as series-bytes.ts draws them
 *     24  8  length of the names            …  4  CRC-32 of all from the counts on
 *
 * The facts have a checksum of their own, so that a snapshot whose body is damaged still vouches for its offset.
 * Version 1 has no counts by hour and day: these begin behind it.
 */
const MAGIC = "DHITSNAP";
const VERSION = 2;
const WITHOUT_SERIES = 1;
const HEAD_BYTES = 36;
const NAME = /^(\d{20})\.snapshot$/;
/** How many valid snapshots stay: the newest, and one to fall back on. */
export const KEPT_SNAPSHOTS = 2;

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
  /** How many idempotency keys there are. */
  readonly keys: number;
  /** What the log could not give up to here: the totals may be too low by as much. */
  readonly damage: readonly Damage[];
  /** What there is of counts by hour and day, and from which days on; absent in version 1. */
  readonly series?: {
    readonly since: number | null;
    readonly hoursSince: number | null;
    readonly bytes: number;
  };
}

/** The facts of a snapshot that is to be written. */
export type NewSnapshotFacts = Omit<SnapshotFacts, "keys" | "series">;

/**
 * Whether a snapshot's totals can be taken for all that the log had up to there: none of what it says it lacks is still
 * damage. `settledOnly`: nor may anything below it wait for a database to be asked.
 */
export function isComplete(facts: SnapshotFacts, missing: MissingRanges, settledOnly: boolean): boolean {
  if (settledOnly && facts.offset > missing.firstUnsettled) return false;
  return facts.damage.every((damage) => missing.covers(damage));
}

export interface SnapshotFile {
  readonly file: string;
  readonly bytes: number;
  /** Undefined where they can't be read. */
  readonly facts: SnapshotFacts | undefined;
  /** What is wrong with it; undefined for a sound one. */
  readonly invalid: string | undefined;
}

/** Writes a snapshot, durable when this resolves, and removes sound ones beyond the two newest. Returns its name. */
export async function writeSnapshot(
  directory: LogDirectory,
  known: NewSnapshotFacts,
  image: TotalsImage,
  keys: KeysImage = [],
): Promise<string> {
  const name = await addSnapshot(directory, known, image, keys);
  await prune(directory);
  return name;
}

/** As `writeSnapshot`, and removes nothing, but for one at the same offset, whose place it takes. */
export async function addSnapshot(
  directory: LogDirectory,
  known: NewSnapshotFacts,
  image: TotalsImage,
  keys: KeysImage,
): Promise<string> {
  await directory.makeFolder(SNAPSHOT_DIRECTORY);
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
  const name = `${String(facts.offset).padStart(20, "0")}.snapshot`;
  const parts = withChecksum([head, json], body, seriesBytes(image.series));
  await replaceFile(directory.fs, directory.file(SNAPSHOT_DIRECTORY, name), parts);
  return name;
}

/** All snapshots of a log directory, newest first, each read whole and judged, one at a time. */
export async function* readSnapshots(
  directory: LogDirectory,
): AsyncGenerator<SnapshotFile & { totals?: Totals; keys?: Buffer }> {
  for (const file of await snapshotNames(directory)) {
    const bytes = await readIfThere(directory.fs, directory.file(SNAPSHOT_DIRECTORY, file));
    // A server that runs has replaced it by a newer one since the listing.
    if (bytes === undefined) continue;
    const facts = decodeFacts(bytes);
    const base = { file, bytes: bytes.length, facts };
    if (facts === undefined) yield { ...base, invalid: "its facts fail their checksum" };
    else {
      const content = decodeContent(bytes, facts);
      if (content === undefined) yield { ...base, invalid: "its totals fail their checksum" };
      else yield { ...base, invalid: undefined, ...content };
    }
  }
}

async function readIfThere(fs: FileSystem, file: string): Promise<Buffer | undefined> {
  try {
    return await readWholeFile(fs, file);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function snapshotNames(directory: LogDirectory): Promise<string[]> {
  const names = await directory.listIfThere(SNAPSHOT_DIRECTORY);
  return names
    .filter((name) => NAME.test(name))
    .sort()
    .reverse();
}

async function prune(directory: LogDirectory): Promise<void> {
  let sound = 0;
  for (const file of await snapshotNames(directory)) {
    const full = directory.file(SNAPSHOT_DIRECTORY, file);
    // A damaged one stays for whoever wants to look at it, and doesn't count.
    const bytes = await readWholeFile(directory.fs, full);
    const facts = decodeFacts(bytes);
    if (facts === undefined || bodyOf(bytes, facts) === undefined) continue;
    sound++;
    if (sound > KEPT_SNAPSHOTS) await removeIfThere(directory.fs, full);
  }
}

function decodeFacts(bytes: Buffer): SnapshotFacts | undefined {
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
      `a snapshot's facts pass their checksum but are no JSON: ${describeError(error)}`,
    );
  }
}

/** Counts and names as they lie in the file, where they pass their checksum. */
function bodyOf(bytes: Buffer, facts: SnapshotFacts) {
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

function decodeContent(bytes: Buffer, facts: SnapshotFacts): { totals: Totals; keys: Buffer } | undefined {
  const body = bodyOf(bytes, facts);
  if (body === undefined) return undefined;
  const totals = new Totals();
  const sound = totals.restore(doublesOf(body.counts), doublesOf(body.remote), body.names);
  return sound && restore(totals.series, facts, body.series) ? { totals, keys: body.keys } : undefined;
}

function restore(series: Series, facts: SnapshotFacts, bytes: Buffer): boolean {
  if (facts.series === undefined) {
    const created = Date.parse(facts.created);
    // The day behind the last one that a hit in it can be of.
    series.startAt(dayOf((Number.isNaN(created) ? Date.now() : created) + MAX_AHEAD_MS) + 1);
    return true;
  }
  series.restoreBounds(facts.series.since, facts.series.hoursSince);
  return restoreSeries(series, bytes);
}

/** All parts as they come, and the checksum of those of the body at the end. */
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

/** Copied: a double must lie at a multiple of eight. */
function doublesOf(bytes: Buffer): Float64Array {
  const doubles = new Float64Array(bytes.length / 8);
  bytesOf(doubles).set(bytes);
  return doubles;
}
