import { HEADER_BYTES, type PreviousSegment } from "../../wal/format.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import { readHeaderIfThere } from "../../wal/segment-header.js";
import { segmentName } from "../../wal/segment-name.js";
import type { SegmentReader } from "../../wal/segment-reader.js";
import { readFully } from "../../wal/whole-file.js";
import { forEachSegment } from "../log-directory.js";
import type { Finding } from "./finding.js";

/** The length of a header's fields and their checksum; the rest of its block is zeros. */
const HEADER_FIELDS_BYTES = 100;

/** The log's oldest segment, and the first offset that retention has not removed. */
export interface LogStart {
  readonly base: number;
  readonly offset: number;
}

/** Returns where the log begins; undefined without a segment. */
export async function startOfLog(directory: LogDirectory): Promise<LogStart | undefined> {
  const base = (await directory.segmentBases())[0];
  if (base === undefined) return undefined;
  const header = await readHeaderIfThere(directory, base);
  // The log was born with this segment, or, if its header can't be read, begins at its base as far as is known.
  return { base, offset: header === undefined ? base : (header.previous?.endOffset ?? 0) };
}

export interface SegmentFacts {
  readonly count: number;
  readonly bytes: number;
  /** The id in most headers. */
  readonly logId: string | undefined;
  /** The nonce of each epoch that is in a header. */
  readonly nonces: ReadonlyMap<number, string>;
  /** Some header can't be read. */
  readonly hasDamagedHeader: boolean;
  readonly findings: readonly Finding[];
}

/** Checks what a reader of batches skips: the rest of each header's block, the log's id, and the bytes after the ends. */
export async function checkSegments(directory: LogDirectory, newest: number | undefined): Promise<SegmentFacts> {
  const findings: Finding[] = [];
  const nonces = new Map<number, string>();
  const ids = new Map<number, string>();
  let [count, bytes, hasDamagedHeader] = [0, 0, false];
  await forEachSegment(directory, newest, async (segment, size) => {
    const { baseOffset, header } = segment;
    count++;
    bytes += size;
    hasDamagedHeader ||= header === undefined;
    if (header === undefined) return;
    nonces.set(header.epoch, header.nonce);
    ids.set(baseOffset, header.logId);
    findings.push(...(await headerFindings(directory, baseOffset)));
    const end = await recordedEnd(directory, baseOffset);
    if (end !== undefined) findings.push(...(await leftover(segment, end)));
  });
  const logId = mostFrequent(ids.values());
  for (const [base, id] of ids) {
    if (id === logId) continue;
    const place = { file: segmentName(base), byte: 16, offset: base, damage: undefined };
    findings.push({ kind: "damage", ...place, expected: `log ${logId}, as in most segments`, found: `log ${id}` });
  }
  return { count, bytes, logId, nonces, hasDamagedHeader, findings };
}

async function headerFindings(directory: LogDirectory, base: number): Promise<Finding[]> {
  const file = await directory.fs.open(directory.segment(base), "read");
  const rest = Buffer.alloc(HEADER_BYTES - HEADER_FIELDS_BYTES);
  try {
    await readFully(file, rest, HEADER_FIELDS_BYTES);
  } finally {
    await file.close();
  }
  const at = rest.findIndex((byte) => byte !== 0);
  if (at === -1) return [];
  const expected = "zeros to the end of the header";
  const found = `0x${(rest[at] ?? 0).toString(16)}: no record is there, but something changed what was written; check the disk`;
  return [{ kind: "padding", file: segmentName(base), byte: HEADER_FIELDS_BYTES + at, offset: base, expected, found }];
}

/** Returns where this segment ends according to the next one's header; undefined for the newest. */
async function recordedEnd(directory: LogDirectory, base: number): Promise<PreviousSegment | undefined> {
  const next = (await directory.segmentBases()).find((candidate) => candidate > base);
  const header = next === undefined ? undefined : await readHeaderIfThere(directory, next);
  return header?.previous?.baseOffset === base ? header.previous : undefined;
}

/** Finds what a crash left after the end of a closed segment: the opening that closed it cut it, or is about to. */
async function leftover(segment: SegmentReader, end: PreviousSegment): Promise<Finding[]> {
  const length = (await segment.endOfContent(end.endByte)) - end.endByte;
  if (length === 0) return [];
  const found = `${length} bytes after it: never acknowledged, and never read`;
  const file = segmentName(segment.baseOffset);
  const expected = "the end of this segment, as in the next one's header";
  return [{ kind: "leftover", file, byte: end.endByte, offset: end.endOffset, expected, found }];
}

function mostFrequent(ids: Iterable<string>): string | undefined {
  const counts = new Map<string, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}
