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

/** The number of places that look like a batch to try with every epoch: the first few may be damaged too. */
const TRIES = 16;

/** An epoch in another segment's header, a snapshot or a registration. */
export interface RememberedEpoch {
  readonly epoch: number;
  readonly nonce: string;
}

/** A segment whose header can't be read. */
export interface DamagedHeader {
  readonly baseOffset: number;
  /**
   * The header as it must have been, as far as readers need it: a batch after it passes the checksum of this epoch, and of
   * no other. Undefined if no remembered epoch fits: then nothing in the file can be read.
   */
  readonly header: SegmentHeader | undefined;
  /** The base offset in a sound header, if it differs from the file's name. */
  readonly named: number | undefined;
}

/**
 * Finds segments whose header can't be read, and what each header must have been. Reads such files whole. `rememberedId`: the
 * log's id, in case no header can be read.
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

/** Replaces a header that can't be read. A crash leaves a header that can't be read, or this one. */
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

/** Finds the epoch whose checksum a batch of this file passes, and the time of that batch. */
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

/** Finds what the header must have had about the segment before it, if that is known. */
async function previousOf(
  directory: LogDirectory,
  { baseOffset, before, epoch }: { baseOffset: number; before: number | undefined; epoch: number },
): Promise<PreviousSegment | undefined | "unknown"> {
  if (before === undefined) {
    // The oldest segment. What was before it is gone; the safe assumption is that this was every offset below it.
    return baseOffset === 0 ? undefined : { baseOffset: 0, endByte: 0, endOffset: baseOffset };
  }
  const segment = await SegmentReader.open(directory, before, { syncReads: false });
  try {
    if (segment.header === undefined) return "unknown";
    const size = await segment.size();
    do {
      while ("batch" in (await segment.next()));
    } while ((await segment.skipToLaterBatch(size, Number.MAX_SAFE_INTEGER)) === "found");
    // Within an epoch there is no gap, and a closed segment was cut to its end: anything else is damage, reported there.
    const endOffset = segment.header.epoch === epoch ? baseOffset : segment.offset;
    const isWhole = endOffset === segment.offset && (await segment.endOfContent(segment.byte)) === segment.byte;
    return { baseOffset: before, endByte: isWhole ? segment.byte : size, endOffset };
  } finally {
    await segment.close();
  }
}

/** Returns a view of the directory with these headers in place, for a plan. Changes nothing. */
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
