import { describeError, HitsError, systemCode } from "../errors.js";
import { readSnapshots } from "../projection/snapshot/snapshot.js";
import type { LogDirectory } from "../wal/log-directory.js";
import { newestReadableHeader } from "../wal/recovery-files.js";
import { SNAPSHOT_DIRECTORY, segmentBases } from "../wal/segment-name.js";
import { SegmentReader } from "../wal/segment-reader.js";

/** Throws `LOG_DIRECTORY` for a directory that can't be read, or that has neither segments nor snapshots. */
export async function checkLogDirectory(directory: LogDirectory): Promise<void> {
  let names: string[];
  try {
    names = await directory.list();
  } catch (error) {
    const why = systemCode(error) === "ENOENT" ? "there is no such directory" : describeError(error);
    const what = `${directory.path} can't be read as a log directory (${why}): name one with --dir or WAL_DIR`;
    throw new HitsError("LOG_DIRECTORY", what, { cause: error });
  }
  if (segmentBases(names).length > 0) return;
  if ((await directory.listIfThere(SNAPSHOT_DIRECTORY)).length > 0) return;
  throw new HitsError("LOG_DIRECTORY", `${directory.path} contains no log: name a log directory with --dir or WAL_DIR`);
}

/** Opens each segment up to the newest one given, oldest first, and skips those that retention has just removed. */
export async function forEachSegment(
  directory: LogDirectory,
  newest: number | undefined,
  visit: (segment: SegmentReader, size: number) => Promise<void> | void,
): Promise<void> {
  for (const base of await directory.segmentBases()) {
    if (newest === undefined || base > newest) break;
    const segment = await openIfThere(directory, base);
    if (segment === undefined) continue;
    try {
      await visit(segment, await segment.size());
    } finally {
      await segment.close();
    }
  }
}

async function openIfThere(directory: LogDirectory, base: number): Promise<SegmentReader | undefined> {
  try {
    return await SegmentReader.open(directory, base, { syncReads: false });
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Returns the log's id, as `logIdOf`. Throws `LOG_ID_UNKNOWN` if nothing has it. */
export async function knownLogId(directory: LogDirectory): Promise<string> {
  const logId = await logIdOf(directory);
  if (logId !== undefined) return logId;
  throw new HitsError(
    "LOG_ID_UNKNOWN",
    `no header and no snapshot in ${directory.path} can be read: the log's id is unknown`,
  );
}

/** Returns the log's id: from the newest header that can be read, else from a snapshot. */
export async function logIdOf(directory: LogDirectory): Promise<string | undefined> {
  const header = await newestReadableHeader(directory, await directory.segmentBases());
  if (header !== undefined) return header.logId;
  for await (const { facts } of readSnapshots(directory)) if (facts !== undefined) return facts.logId;
  return undefined;
}
