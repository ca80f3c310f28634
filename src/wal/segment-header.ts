import { HitsError, systemCode } from "../errors.js";
import type { OpenFile } from "./file-system.js";
import { decodeSegmentHeader, FORMAT_VERSION, HEADER_BYTES, type Mismatch, type SegmentHeader } from "./format.js";
import type { LogDirectory } from "./log-directory.js";
import { readFully } from "./whole-file.js";

/** Reads the header of a segment. Throws `LOG_FORMAT` for another format version. */
export async function readSegmentHeader(
  directory: LogDirectory,
  baseOffset: number,
): Promise<{ header: SegmentHeader } | { invalid: Mismatch }> {
  const file = await directory.fs.open(directory.segment(baseOffset), "read");
  try {
    return await readHeaderOf(file, baseOffset, directory);
  } finally {
    await file.close();
  }
}

/** Reads the header of a segment; undefined if it is damaged, or if retention has just removed the file. */
export async function readHeaderIfThere(
  directory: LogDirectory,
  baseOffset: number,
): Promise<SegmentHeader | undefined> {
  try {
    const decoded = await readSegmentHeader(directory, baseOffset);
    return "header" in decoded ? decoded.header : undefined;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Reads the header of an open segment, or the fault in it. Throws `LOG_FORMAT` for another format version. */
export async function readHeaderOf(
  file: OpenFile,
  baseOffset: number,
  directory: LogDirectory,
): Promise<{ header: SegmentHeader } | { invalid: Mismatch }> {
  const block = Buffer.alloc(HEADER_BYTES);
  const read = await readFully(file, block, 0);
  const decoded = decodeSegmentHeader(block.subarray(0, read), baseOffset);
  if (!("version" in decoded)) return decoded;
  throw new HitsError(
    "LOG_FORMAT",
    `${directory.segment(baseOffset)} has log format version ${decoded.version}, this program reads ` +
      `version ${FORMAT_VERSION}: run the release that wrote it, or one that can upgrade it`,
  );
}
