import path from "node:path";
import { crc32 } from "node:zlib";
import type { FileSystem, OpenFile } from "./file-system.js";
import { hex8 } from "./format.js";
import type { LogDirectory } from "./log-directory.js";
import { QUARANTINE_DIRECTORY } from "./segment-name.js";
import { readFully, removeIfThere, replaceFile, writeFully } from "./whole-file.js";

/** The bytes to keep a copy of, and the reason: written to a small JSON file next to the copy. */
export interface Quarantined {
  /** The file's path in the log directory, and its bytes `[from, to)`. */
  readonly file: string;
  readonly bytes: ByteRange;
  /** The offsets in those bytes, if any. */
  readonly offsets: { readonly from: number; readonly to: number } | undefined;
  readonly why: string;
  /** RFC 3339. */
  readonly when: string;
}

/** A whole file, by its path in the log directory. */
export type QuarantinedFile = Pick<Quarantined, "file" | "why" | "when">;

interface ByteRange {
  readonly from: number;
  readonly to: number;
}

const CHUNK_BYTES = 1024 * 1024;

/**
 * Copies bytes to quarantine, durably, with a JSON file next to the copy. Resolves to the copy's path in the log directory,
 * undefined if there are no bytes. The name has the content's checksum, so that a repetition after a crash changes nothing.
 */
export async function copyToQuarantine(directory: LogDirectory, what: Quarantined): Promise<string | undefined> {
  const { from, to } = what.bytes;
  if (to <= from) return undefined;
  await directory.makeFolder(QUARANTINE_DIRECTORY);
  const source = await directory.fs.open(directory.file(what.file), "read");
  try {
    const checksum = await checksumOf(source, what.bytes);
    const name = `${path.basename(what.file)}.${from}-${to}.${checksum}`;
    const copied = directory.file(QUARANTINE_DIRECTORY, name);
    if (!(await directory.listIfThere(QUARANTINE_DIRECTORY)).includes(`${name}.bytes`)) {
      await copy(directory.fs, { source, bytes: what.bytes, target: `${copied}.bytes`, temporary: `${copied}.tmp` });
    }
    const { file, offsets, why, when } = what;
    const note = { file, bytes: what.bytes, offsets: offsets ?? null, why, when, crc32: checksum };
    await replaceFile(directory.fs, `${copied}.json`, [Buffer.from(`${JSON.stringify(note, null, 2)}\n`)]);
    return path.posix.join(QUARANTINE_DIRECTORY, `${name}.bytes`);
  } finally {
    await source.close();
  }
}

/** Copies a whole file to quarantine. Resolves to the copy's path, undefined for an empty file. */
export async function copyFileToQuarantine(
  directory: LogDirectory,
  { file, why, when }: QuarantinedFile,
): Promise<string | undefined> {
  const source = await directory.fs.open(directory.file(file), "read");
  const to = await source.size().finally(() => source.close());
  return await copyToQuarantine(directory, { file, bytes: { from: 0, to }, offsets: undefined, why, when });
}

/** Moves a whole file to quarantine: removes it once its copy is durable. */
export async function moveToQuarantine(directory: LogDirectory, moved: QuarantinedFile): Promise<void> {
  await copyFileToQuarantine(directory, moved);
  const full = directory.file(moved.file);
  await removeIfThere(directory.fs, full);
  await directory.fs.syncDirectory(path.dirname(full));
}

async function checksumOf(source: OpenFile, bytes: ByteRange): Promise<string> {
  let checksum = 0;
  await forEachChunk(source, bytes, (chunk) => {
    checksum = crc32(chunk, checksum);
  });
  return hex8(checksum);
}

interface Copy {
  readonly source: OpenFile;
  readonly bytes: ByteRange;
  readonly target: string;
  readonly temporary: string;
}

async function copy(fs: FileSystem, { source, bytes, target, temporary }: Copy): Promise<void> {
  await removeIfThere(fs, temporary);
  const handle = await fs.open(temporary, "create");
  try {
    await forEachChunk(source, bytes, (chunk, at) => writeFully(handle, chunk, at - bytes.from));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await fs.rename(temporary, target);
  await fs.syncDirectory(path.dirname(target));
}

async function forEachChunk(
  source: OpenFile,
  { from, to }: ByteRange,
  use: (chunk: Buffer, at: number) => Promise<void> | void,
): Promise<void> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, to - from));
  for (let at = from; at < to; at += buffer.length) {
    const length = await readFully(source, buffer.subarray(0, to - at), at);
    await use(buffer.subarray(0, length), at);
  }
}
