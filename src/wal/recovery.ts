import { HitsError } from "../errors.js";
import type { Damage } from "./damage.js";
import { EPOCH_GAP, HEADER_BYTES, type PreviousSegment } from "./format.js";
import type { LogDirectory } from "./log-directory.js";
import { emptySegmentsBefore, newestReadableHeader, rewriteTail } from "./recovery-files.js";
import { segmentName } from "./segment-name.js";
import { SegmentReader } from "./segment-reader.js";

/**
 * The result of recovering the directory that the last writer left. Only the newest segments are read:
 *
 * 1. The newest segment's header and batches. If it has no batch, its header has the end of the one before.
 * 2. The floor: the largest offset that anything proves (a later batch, a seal, a snapshot, a checkpoint, the newest
 *    header). Invalid bytes below it are damage, kept as they are; at or above it a torn tail, cut.
 * 3. What no seal proves, and the last seal itself, is written again, byte for byte, and synced: a crash of the process
 *    leaves batches in the page cache that were never acknowledged, and a reader may have seen them.
 * 4. The next epoch begins past every known offset, plus a gap larger than the largest batch.
 * 5. Empty segments that the next one does not name as its predecessor are removed: the newest, and those left by an opening
 *    that was interrupted before it removed them.
 */
export interface Recovery {
  /** Undefined in a directory without a log. */
  readonly logId: string | undefined;
  /** The epoch of this opening, and its first offset. */
  readonly epoch: number;
  readonly baseOffset: number;
  /** The first offset after the last record. */
  readonly end: number;
  /** The last segment, for the next segment's header. */
  readonly previous: PreviousSegment | undefined;
  readonly damage: readonly Damage[];
  /** Bytes of a torn tail that will be cut; 0 for none. */
  readonly tornBytes: number;
  /** Left to do once the next segment is durable: a closed segment to cut to its end, empty ones to remove. */
  readonly trim: { readonly baseOffset: number; readonly size: number } | undefined;
  readonly reclaim: readonly number[];
}

/** A snapshot or a projection's checkpoint: it proves how far this log had come. */
export interface Witness {
  readonly source: string;
  readonly logId: string | undefined;
  readonly offset: number;
  readonly epoch: number;
}

export async function recover(directory: LogDirectory, witnesses: readonly Witness[]): Promise<Recovery> {
  const bases = await directory.segmentBases();
  const newestBase = bases.at(-1);
  const witnessed = Math.max(0, ...witnesses.map((witness) => witness.offset));
  const witnessedEpoch = Math.max(0, ...witnesses.map((witness) => witness.epoch));
  if (newestBase === undefined) {
    const logId = agreeOnId(directory, undefined, witnesses);
    const damage: Damage[] = [];
    if (witnesses.length > 0) {
      const found = `none, but a log was here: ${witnesses.map((witness) => witness.source).join(", ")}`;
      damage.push({ file: segmentName(0), byte: 0, from: witnessed, to: undefined, expected: "segments", found });
    }
    return {
      logId,
      epoch: witnessedEpoch + 1,
      baseOffset: witnesses.length === 0 ? 0 : witnessed + EPOCH_GAP,
      end: witnessed,
      // Not the log's birth: a witness has more than there is.
      previous: witnesses.length === 0 ? undefined : { baseOffset: witnessed, endByte: 0, endOffset: witnessed },
      damage,
      tornBytes: 0,
      trim: undefined,
      reclaim: [],
    };
  }
  const newest = await SegmentReader.open(directory, newestBase, { syncReads: false });
  try {
    const found = newest.header === undefined ? await withoutHeader(newest) : await scan(directory, newest, witnesses);
    // If the newest header is damaged, an older one has the id and a lower bound of the epoch.
    const older = newest.header === undefined ? await newestReadableHeader(directory, bases.slice(0, -1)) : undefined;
    const header = newest.header ?? older;
    // A segment whose header is damaged may be of an epoch that no other file has. Each took a gap.
    const openings = Math.floor((newestBase - (header?.baseOffset ?? 0)) / EPOCH_GAP);
    const headerEpoch = newest.header?.epoch ?? (header?.epoch ?? 1) + openings;
    const leftovers = await emptySegmentsBefore(directory, newest.header, bases);
    return {
      logId: agreeOnId(directory, header?.logId, witnesses),
      epoch: Math.max(headerEpoch, witnessedEpoch) + 1,
      baseOffset: Math.max(found.known, witnessed) + EPOCH_GAP,
      end: found.end,
      previous: found.previous,
      damage: found.damage,
      tornBytes: found.tornBytes,
      trim: found.trim,
      reclaim: [...leftovers, ...found.reclaim],
    };
  } finally {
    await newest.close();
  }
}

const TOO_MUCH = "so much that looks like the beginning of a batch and is none that the search was given up";
/** Larger than any segment. */
const UNKNOWN_BYTES = 2 ** 32;

interface Scan extends Omit<Recovery, "logId" | "epoch" | "baseOffset"> {
  /** Past every offset that this segment may hold. */
  readonly known: number;
}

async function scan(directory: LogDirectory, segment: SegmentReader, witnesses: readonly Witness[]): Promise<Scan> {
  const { header } = segment;
  const file = segmentName(segment.baseOffset);
  const size = await segment.size();
  const damage: Damage[] = [];
  let batches = 0;
  let sealedByte = HEADER_BYTES;
  let unsearched: Damage | undefined;
  for (;;) {
    const step = await segment.next();
    if ("batch" in step) {
      if (step.batch.count === 0) sealedByte = step.batch.byte;
      else batches++;
      continue;
    }
    const before = { file, byte: segment.byte, from: segment.offset, ...step.invalid };
    const later = await segment.skipToLaterBatch(size, Number.MAX_SAFE_INTEGER);
    if (later === "gave up") unsearched = { ...before, to: undefined, expected: "a batch or zeros", found: TOO_MUCH };
    if (later !== "found") break;
    // A seal that can't be read, with a batch after it, costs no record.
    if (segment.offset > before.from) damage.push({ ...before, to: segment.offset });
  }
  const holes = damage.length;
  if (unsearched !== undefined) damage.push(unsearched);
  const end = segment.offset;
  const endByte = segment.byte;
  const before = { file, byte: endByte, from: end };
  const preparedSize = header?.preparedSize ?? size;
  const witness = witnesses.filter((candidate) => candidate.offset > end).sort((a, b) => b.offset - a.offset)[0];
  if (witness !== undefined) {
    const expected = `records up to offset ${witness.offset}, which ${witness.source} has`;
    damage.push({ ...before, to: witness.offset, expected, found: `the end at offset ${end}` });
  }
  // A crash never shortens a prepared file: what was cut off is unknown.
  if (size < preparedSize) {
    damage.push({ ...before, to: undefined, expected: `a file of ${preparedSize} bytes`, found: `${size} bytes` });
  }
  await rewriteTail(directory.fs, directory.file(file), sealedByte, endByte);
  const tornBytes = (await segment.endOfContent(endByte)) - endByte;
  if (damage.length > 0) {
    // The file stays whole. If its end is missing, its recorded end keeps later readers from skipping that in silence; if
    // only something before the end is, they find it when they read.
    const cut = damage.length > holes;
    const lastOffset = Math.max(end, witness?.offset ?? 0);
    return {
      end,
      known: Math.max(lastOffset, end + Math.max(0, preparedSize - endByte)),
      previous: { baseOffset: segment.baseOffset, endByte: cut ? preparedSize : endByte, endOffset: lastOffset },
      damage,
      tornBytes: cut ? 0 : tornBytes,
      trim: undefined,
      reclaim: [],
    };
  }
  if (batches === 0) {
    // Empty: the next segment takes its place in the chain.
    const previous = header?.previous;
    const lastEnd = previous?.endOffset ?? segment.baseOffset;
    return {
      end: lastEnd,
      known: end,
      previous,
      damage,
      tornBytes,
      trim: undefined,
      reclaim: [segment.baseOffset],
    };
  }
  return {
    end,
    known: end,
    previous: { baseOffset: segment.baseOffset, endByte, endOffset: end },
    damage,
    tornBytes,
    trim: size > endByte ? { baseOffset: segment.baseOffset, size: endByte } : undefined,
    reclaim: [],
  };
}

/**
 * Returns the scan of a segment whose header can't be read: it may have as many records as bytes, all of them unreadable. If
 * the file is shorter than it was, the difference is unknown.
 */
async function withoutHeader(segment: SegmentReader): Promise<Scan> {
  const size = await segment.size();
  const invalid = segment.headerInvalid ?? { expected: "a segment header", found: "none" };
  const from = segment.baseOffset;
  return {
    end: from,
    known: from + Math.max(size, UNKNOWN_BYTES),
    previous: { baseOffset: from, endByte: size, endOffset: from },
    damage: [{ file: segmentName(from), byte: 0, from, to: undefined, ...invalid }],
    tornBytes: 0,
    trim: undefined,
    reclaim: [],
  };
}

/** Returns the log's id. None is made up if segments or snapshots exist; throws `LOG_ID_CONFLICT` if two differ. */
function agreeOnId(
  directory: LogDirectory,
  fromSegments: string | undefined,
  witnesses: readonly Witness[],
): string | undefined {
  const named = witnesses.filter((witness) => witness.logId !== undefined);
  const logId = fromSegments ?? named[0]?.logId;
  const other = named.find((witness) => witness.logId !== logId);
  if (other !== undefined) {
    throw new HitsError(
      "LOG_ID_CONFLICT",
      `${directory.path}: ${other.source} is of log ${other.logId}, ${fromSegments === undefined ? named[0]?.source : "the segments are"} of log ${logId}. ` +
        "Two logs were mixed in one directory: move the files of one of them away",
    );
  }
  return logId;
}
