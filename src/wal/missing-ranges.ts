import { crc32 } from "node:zlib";
import { describeError } from "../errors.js";
import type { Damage } from "./damage.js";
import { hex8 } from "./format.js";
import type { LogDirectory } from "./log-directory.js";
import { MISSING_NAME } from "./segment-name.js";
import { readWholeFile, replaceFile } from "./whole-file.js";

/**
 * Offsets that a repair has recorded as missing. Offsets are never used again, so a range of them states for good what is
 * missing, whatever its bytes look like. Readers continue past it; it is kept forever.
 */
export interface MissingRange {
  /** The place of the damage: the file in the log directory, and the first byte. */
  readonly file: string;
  readonly byte: number;
  /** `[from, to)`; empty for damage that cost no record. */
  readonly from: number;
  readonly to: number;
  /** True if the end is unknown: up to the next segment, wherever that begins by now. No offset there was used. */
  readonly open: boolean;
  readonly expected: string;
  readonly found: string;
  /** RFC 3339. */
  readonly repaired: string;
  /** The path of a copy of the bytes in the log directory; null if there were none. */
  readonly quarantine: string | null;
  /** True once a database that may have more of it has been asked, or if there is none. Until then no outside projection passes it. */
  readonly settled: boolean;
  /** Records in place of missing ones, as far as other sources had them; readers return them. */
  readonly restoredRecords: readonly RestoredRecord[];
}

export interface RestoredRecord {
  /** Within the range; an offset has at most one. */
  readonly offset: number;
  /** One record after its varint length. */
  readonly record: Buffer;
}

/** All ranges recorded as missing in one log, in the order of offsets. */
export class MissingRanges {
  static readonly none = new MissingRanges([]);
  readonly ranges: readonly MissingRange[];
  /** The reason why the file can't be read: then nothing counts as recorded. */
  readonly damaged: string | undefined;
  /** Changes whenever the file does. */
  readonly version: string;

  constructor(ranges: readonly MissingRange[], version = "", damaged?: string) {
    this.ranges = [...ranges].sort((a, b) => a.from - b.from || a.to - b.to);
    this.version = version;
    this.damaged = damaged;
  }

  /** True if all of this damage is recorded. */
  covers(damage: Pick<Damage, "file" | "byte" | "from" | "to">): boolean {
    const { file, byte, from, to } = damage;
    const same = this.ranges.find((range) => range.file === file && range.byte === byte && range.from === from);
    if (same !== undefined && (same.open || to === undefined || to === from)) return true;
    if (to === undefined || to === from) return this.ranges.some((range) => range.from <= from && from < range.to);
    return this.uncovered(from, to).length === 0;
  }

  /** Returns the parts of `[from, to)` that are not recorded. */
  uncovered(from: number, to: number): { readonly from: number; readonly to: number }[] {
    const parts: { from: number; to: number }[] = [];
    let at = from;
    for (const range of this.ranges) {
      if (range.to <= at) continue;
      if (range.from >= to) break;
      if (range.from > at) parts.push({ from: at, to: range.from });
      at = range.to;
    }
    if (at < to) parts.push({ from: at, to });
    return parts;
  }

  /** Returns the end of what is missing from this offset on; the offset itself if nothing is. */
  endOfMissing(offset: number): number {
    let end = offset;
    for (const range of this.ranges) if (range.from <= end && range.to > end) end = range.to;
    return end;
  }

  /** The first offset that no outside projection may pass yet. */
  get firstUnsettled(): number {
    return Math.min(...this.ranges.filter(({ settled }) => !settled).map(({ from }) => from));
  }
}

const HEAD = '{"checksum":"';
const BODY = '","missing":';

/** Reads the recorded ranges. A file that can't be read is not an error: its ranges count as damage again. */
export async function readMissingRanges(directory: LogDirectory): Promise<MissingRanges> {
  if (!(await directory.listIfThere()).includes(MISSING_NAME)) return MissingRanges.none;
  const text = (await readWholeFile(directory.fs, directory.file(MISSING_NAME))).toString("utf8");
  const bodyAt = HEAD.length + 8 + BODY.length;
  const body = text.slice(bodyAt, text.lastIndexOf("}"));
  const checksum = text.slice(HEAD.length, HEAD.length + 8);
  if (!text.startsWith(HEAD) || text.slice(HEAD.length + 8, bodyAt) !== BODY || checksumOf(body) !== checksum) {
    return new MissingRanges([], "damaged", "it fails its checksum");
  }
  try {
    return new MissingRanges((JSON.parse(body) as StoredRange[]).map(fromStored), checksum);
  } catch (error) {
    return new MissingRanges([], "damaged", `it passes its checksum but is no list: ${describeError(error)}`);
  }
}

/** Replaces the recorded ranges. Durable when it resolves; a crash leaves the old ranges or the new. */
export async function writeMissingRanges(
  directory: LogDirectory,
  ranges: readonly MissingRange[],
): Promise<MissingRanges> {
  const body = JSON.stringify(new MissingRanges(ranges).ranges.map(toStored));
  const checksum = checksumOf(body);
  await replaceFile(directory.fs, directory.file(MISSING_NAME), [Buffer.from(`${HEAD}${checksum}${BODY}${body}}\n`)]);
  return new MissingRanges(ranges, checksum);
}

/** Returns the damage of a list of missing ranges that can't be read. */
export function unreadableList(why: string): Damage {
  const expected = "the list of ranges that repairs have recorded as missing";
  return { file: MISSING_NAME, byte: 0, from: 0, to: 0, expected, found: `one of which ${why}` };
}

/** As the file has it, where restored records are called mends. */
type StoredRange = Omit<MissingRange, "restoredRecords"> & { readonly mends: readonly (readonly [number, string])[] };

function toStored({ restoredRecords, ...range }: MissingRange): StoredRange {
  return { ...range, mends: restoredRecords.map(({ offset, record }) => [offset, record.toString("base64")] as const) };
}

function fromStored({ mends, ...range }: StoredRange): MissingRange {
  const restoredRecords = mends.map(([offset, record]) => ({ offset, record: Buffer.from(record, "base64") }));
  return { ...range, restoredRecords: restoredRecords.sort((a, b) => a.offset - b.offset) };
}

function checksumOf(text: string): string {
  return hex8(crc32(text));
}
