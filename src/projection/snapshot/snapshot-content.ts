import { crc32 } from "node:zlib";
import { MAX_AHEAD_MS } from "../../model/hit.js";
import type { OpenFile } from "../../wal/file-system.js";
import { readFully } from "../../wal/whole-file.js";
import { dayOf } from "../series/days.js";
import type { Series } from "../series/series.js";
import { restoreSeries } from "../series/series-bytes.js";
import { Totals } from "../totals.js";
import { FileBytes } from "./file-bytes.js";
import { type BodySections, bodySections, decodeFacts, HEAD_BYTES, type SnapshotFacts } from "./snapshot-format.js";

const PIECE_BYTES = 1024 * 1024;

/** A snapshot file whose facts are sound. Its body is read in pieces, so that a start needs no more memory than running. */
export interface SnapshotHead {
  readonly facts: SnapshotFacts;
  /** Undefined if the file has not the length that they imply. */
  readonly sections: BodySections | undefined;
}

/** Resolves to what a snapshot's head says; undefined if its facts fail their checksum. Throws `LOG_FORMAT`. */
export async function readHead(file: OpenFile, size: number): Promise<SnapshotHead | undefined> {
  const start = Buffer.alloc(Math.min(size, HEAD_BYTES));
  await readFully(file, start, 0);
  if (start.length < HEAD_BYTES) return undefined;
  const bytes = Buffer.alloc(Math.min(size, HEAD_BYTES + start.readUInt32LE(12)));
  await readFully(file, bytes, 0);
  const facts = decodeFacts(bytes);
  return facts === undefined ? undefined : { facts, sections: bodySections(bytes, facts, size) };
}

/** Resolves to whether the body passes its checksum. */
export async function isBodySound(file: OpenFile, { start, end }: BodySections): Promise<boolean> {
  const piece = Buffer.alloc(PIECE_BYTES);
  let crc = 0;
  for (let at = start; at < end; at += piece.length) {
    const part = piece.subarray(0, Math.min(piece.length, end - at));
    if ((await readFully(file, part, at)) < part.length) return false;
    crc = crc32(part, crc);
  }
  const checksum = Buffer.alloc(4);
  return (await readFully(file, checksum, end)) === 4 && checksum.readUInt32LE() === crc;
}

/** Resolves to totals and keys of a snapshot; undefined if its body is damaged. */
export async function readContent(
  file: OpenFile,
  { facts, sections }: SnapshotHead,
): Promise<{ totals: Totals; keys: Buffer } | undefined> {
  if (sections === undefined || !(await isBodySound(file, sections))) return undefined;
  const { start, namesAt, keysAt, seriesAt, end } = sections;
  const bytes = new FileBytes(file, start, end);
  const totals = new Totals();
  const counts = new Float64Array((namesAt - start) / 16);
  const remote = new Float64Array(counts.length);
  await bytes.fill(new Uint8Array(counts.buffer));
  await bytes.fill(new Uint8Array(remote.buffer));
  const piece = Buffer.alloc(PIECE_BYTES);
  let rest = 0;
  for (let left = keysAt - namesAt; left > 0; ) {
    const more = Math.min(left, piece.length - rest);
    await bytes.fill(piece.subarray(rest, rest + more));
    left -= more;
    const names = piece.subarray(0, rest + more);
    const used = totals.restore(counts, remote, names);
    if (used === undefined) return undefined;
    names.copyWithin(0, used);
    rest = names.length - used;
  }
  if (rest > 0 || totals.size !== counts.length) return undefined;
  const keys = Buffer.alloc(seriesAt - keysAt);
  await bytes.fill(keys);
  return (await readSeries(totals.series, facts, bytes)) ? { totals, keys } : undefined;
}

async function readSeries(series: Series, facts: SnapshotFacts, bytes: FileBytes): Promise<boolean> {
  if (facts.series === undefined) {
    const created = Date.parse(facts.created);
    // The day after the last one that a hit in it can belong to.
    series.startAt(dayOf((Number.isNaN(created) ? Date.now() : created) + MAX_AHEAD_MS) + 1);
    return true;
  }
  series.restoreBounds(facts.series.since, facts.series.hoursSince);
  return restoreSeries(series, bytes);
}
