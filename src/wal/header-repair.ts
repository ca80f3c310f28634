import type { OpenFile } from "./file-system.js";
import {
  BATCH_MAGIC,
  checksumSeed,
  decodeSegmentHeader,
  encodeSegmentHeader,
  HEADER_BYTES,
  MAX_BATCH_RECORDS,
  type PreviousSegment,
  parseBatch,
  readU64,
  type SegmentHeader,
} from "./format.js";
import { LogDirectory } from "./log-directory.js";
import { readHeaderIfThere } from "./segment-header.js";
import { SegmentReader } from "./segment-reader.js";
import { readWholeFile, writeFully } from "./whole-file.js";

/** How many places that look like a batch are tried with every epoch: the first few may be damaged too. */
const TRIES = 16;

/** An epoch that somebody remembers: another segment's header, a snapshot, a registered projection. */
export interface RememberedEpoch {
  readonly epoch: number;
  readonly nonce: string;
}

/** A segment whose header can't be read. */
export interface DamagedHeader {
  readonly baseOffset: number;
  /**
   * The header as it must have been, as far as readers need it: a batch behind it passes the checksum of this epoch, and
   * of no other. Undefined where no epoch that is remembered fits: then nothing in the file can be read.
   */
  readonly header: SegmentHeader | undefined;
  /** The header is sound, but its own base offset is another one than the file's name says. */
  readonly named: number | undefined;
}

/**
 * Segments whose header can't be read, and what is to be made of each. Reads such files whole. `rememberedId`: which log it
 * is, where no header that can be read says so.
 */
export async function damagedHeaders(
  directory: LogDirectory,
  remembered: readonly RememberedEpoch[],
  rememberedId: string | undefined,
): Promise<DamagedHeader[]> {
  const bases = await directory.segmentBases();
  const headers = new Map<number, SegmentHeader>();
  for (const base of bases) {
    const header = await readHeaderIfThere(directory, base);
    if (header !== undefined) headers.set(base, header);
  }
  const damaged: DamagedHeader[] = [];
  const epochs = [...headers.values(), ...remembered];
  const logId = headers.values().next().value?.logId ?? rememberedId;
  for (const [index, baseOffset] of bases.entries()) {
    if (headers.has(baseOffset)) continue;
    const content = await readWholeFile(directory.fs, directory.segment(baseOffset));
    const named = namedBase(content);
    const found = named === undefined ? matchingEpoch(content, baseOffset, epochs) : undefined;
    let header: SegmentHeader | undefined;
    if (found !== undefined && logId !== undefined) {
      const previous = await previousOf(directory, { baseOffset, before: bases[index - 1], epoch: found.epoch });
      if (previous !== "unknown") header = { ...found, logId, baseOffset, preparedSize: content.length, previous };
    }
    damaged.push({ baseOffset, header, named });
    if (header !== undefined) headers.set(baseOffset, header);
  }
  return damaged;
}

/** Writes a header in place of one that can't be read. A crash leaves a header that can't be read, or this one. */
export async function writeHeader(directory: LogDirectory, header: SegmentHeader): Promise<void> {
  const handle = await directory.fs.open(directory.segment(header.baseOffset), "update");
  try {
    await writeFully(handle, encodeSegmentHeader(header), 0);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function namedBase(content: Buffer): number | undefined {
  const base = content.length < HEADER_BYTES ? undefined : readU64(content, 48);
  if (base === undefined) return undefined;
  const decoded = decodeSegmentHeader(content.subarray(0, HEADER_BYTES), base);
  return "header" in decoded ? base : undefined;
}

/** The epoch whose checksum a batch of this file passes, and when that batch was written. */
function matchingEpoch(content: Buffer, baseOffset: number, epochs: readonly RememberedEpoch[]) {
  const known = new Map(epochs.map(({ epoch, nonce }) => [nonce, epoch]));
  const to = baseOffset + MAX_BATCH_RECORDS * content.length;
  let at = content.indexOf(BATCH_MAGIC, HEADER_BYTES);
  for (let tried = 0; at !== -1 && tried < TRIES; at = content.indexOf(BATCH_MAGIC, at + 1), tried++) {
    for (const [nonce, epoch] of known) {
      const expected = { seed: checksumSeed(nonce), from: baseOffset, to };
      const parsed = parseBatch(content, at, content.length - at, expected);
      if ("batch" in parsed) return { epoch, nonce, created: parsed.batch.time };
    }
  }
  return undefined;
}

/** What the header must have said of the segment before, where that can be told. */
async function previousOf(
  directory: LogDirectory,
  { baseOffset, before, epoch }: { baseOffset: number; before: number | undefined; epoch: number },
): Promise<PreviousSegment | undefined | "unknown"> {
  if (before === undefined) {
    // The oldest there is. What was before it is gone; that it was all of what lies below is the careful guess.
    return baseOffset === 0 ? undefined : { baseOffset: 0, endByte: 0, endOffset: baseOffset };
  }
  const segment = await SegmentReader.open(directory, before, { syncReads: false });
  try {
    if (segment.header === undefined) return "unknown";
    const size = await segment.size();
    do {
      while ("batch" in (await segment.next()));
    } while ((await segment.skipToLaterBatch(size, Number.MAX_SAFE_INTEGER)) === "found");
    // Within an epoch there is no gap, and a closed segment was cut to its end: what is not so is damage, to be met there.
    const endOffset = segment.header.epoch === epoch ? baseOffset : segment.offset;
    const isWhole = endOffset === segment.offset && (await segment.endOfContent(segment.byte)) === segment.byte;
    return { baseOffset: before, endByte: isWhole ? segment.byte : size, endOffset };
  } finally {
    await segment.close();
  }
}

/** The same files, read as they would be with these headers written: for a plan. Changes nothing. */
export function overlayHeaders(directory: LogDirectory, damaged: readonly DamagedHeader[]): LogDirectory {
  const { fs } = directory;
  const blocks = new Map<string, Buffer>();
  for (const { baseOffset, header } of damaged) {
    if (header !== undefined) blocks.set(directory.segment(baseOffset), encodeSegmentHeader(header));
  }
  return new LogDirectory(directory.path, {
    async open(file, mode) {
      const handle = await fs.open(file, mode);
      const block = blocks.get(file);
      return block === undefined ? handle : overlaid(handle, block);
    },
    list: (folder) => fs.list(folder),
    makeDirectory: (folder) => fs.makeDirectory(folder),
    rename: (from, to) => fs.rename(from, to),
    unlink: (file) => fs.unlink(file),
    syncDirectory: (folder) => fs.syncDirectory(folder),
  });
}

function overlaid(file: OpenFile, block: Buffer): OpenFile {
  return {
    writesAreDurable: file.writesAreDurable,
    async read(buffer, offset, length, position) {
      const count = await file.read(buffer, offset, length, position);
      if (position < block.length)
        buffer.set(block.subarray(position, Math.min(block.length, position + count)), offset);
      return count;
    },
    write: (buffer, offset, length, position) => file.write(buffer, offset, length, position),
    sync: () => file.sync(),
    truncate: (size) => file.truncate(size),
    size: () => file.size(),
    close: () => file.close(),
  };
}
