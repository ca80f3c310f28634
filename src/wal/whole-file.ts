import path from "node:path";
import type { FileSystem, OpenFile } from "./file-system.js";

/** Reading and replacing small files whole, through the log's file system. */

/** Fills the buffer from `position` of the file, continuing after short reads; resolves to the number of bytes read. */
export async function readFully(file: OpenFile, buffer: Uint8Array, position: number): Promise<number> {
  let done = 0;
  while (done < buffer.length) {
    const count = await file.read(buffer, done, buffer.length - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

/** Writes all of `bytes` at `position`, continuing after short writes: the rest then fails with the real reason. */
export async function writeFully(file: OpenFile, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const count = await file.write(bytes, done, bytes.length - done, position + done);
    if (count === 0) throw new Error(`a write of ${bytes.length - done} bytes wrote nothing`);
    done += count;
  }
}

export async function readWholeFile(fs: FileSystem, file: string): Promise<Buffer> {
  const handle = await fs.open(file, "read");
  try {
    const buffer = Buffer.alloc(await handle.size());
    return buffer.subarray(0, await readFully(handle, buffer, 0));
  } finally {
    await handle.close();
  }
}

/**
 * Replaces a file as a whole: new content under a temporary name, synced, renamed, directory synced. A crash leaves the
 * old content or the new.
 */
export async function replaceFile(fs: FileSystem, file: string, parts: Iterable<Uint8Array>): Promise<void> {
  const temporary = `${file}.tmp`;
  await removeIfThere(fs, temporary);
  const handle = await fs.open(temporary, "create");
  try {
    let position = 0;
    for (const part of parts) {
      await writeFully(handle, part, position);
      position += part.length;
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  await fs.rename(temporary, file);
  await fs.syncDirectory(path.dirname(file));
}

export async function removeIfThere(fs: FileSystem, file: string): Promise<void> {
  try {
    await fs.unlink(file);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}
