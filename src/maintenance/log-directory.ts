import { setTimeout as sleep } from "node:timers/promises";
import { describeError, HitsError, systemCode } from "../errors.js";
import { readSnapshots } from "../projection/snapshot/snapshot.js";
import type { Damage } from "../wal/damage.js";
import type { LogDirectory } from "../wal/log-directory.js";
import type { LogEnd, LogReader } from "../wal/log-reader.js";
import { newestReadableHeader } from "../wal/recovery-files.js";
import { SNAPSHOT_DIRECTORY, segmentBases } from "../wal/segment-name.js";
import { type LogBatch, SegmentReader } from "../wal/segment-reader.js";

/** How often a read starts anew when retention, or a newer snapshot, takes away what it is reading. */
const ATTEMPTS = 10;
/** Before the second attempt; twice as long before each further one: it may be taking hundreds, one after the other. */
const FIRST_PAUSE_MS = 10;

/** Throws `LOG_DIRECTORY` for a directory that can't be read, or that holds neither segments nor snapshots. */
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
  throw new HitsError("LOG_DIRECTORY", `${directory.path} holds no log: name a log directory with --dir or WAL_DIR`);
}

/**
 * Reads up to the end that the log has now, and hands over what it meets. Called again it goes on from there. What
 * `batch` gets lasts until it returns.
 */
export async function readToEnd(
  reader: LogReader,
  visitor: { batch(batch: LogBatch): void; damage(damage: Damage): void },
): Promise<LogEnd> {
  for (;;) {
    const step = await reader.next();
    if ("end" in step) return step.end;
    if ("damage" in step) visitor.damage(step.damage);
    else visitor.batch(step.batch);
  }
}

/**
 * Runs a read of a live log, and again from its beginning where the server has meanwhile removed a segment or a snapshot
 * that it was about to read.
 */
export async function againWhenOvertaken<T>(read: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await read();
    } catch (error) {
      const overtaken = (error instanceof HitsError && error.code === "OFFSET_GONE") || systemCode(error) === "ENOENT";
      if (!overtaken || attempt === ATTEMPTS) throw error;
      await sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1));
    }
  }
}

/** Opens each segment up to the newest one given, oldest first, passing by what retention has just taken. */
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

/** The id of the log, as `logIdOf`. Throws `LOG_ID_UNKNOWN` where nothing says it. */
export async function knownLogId(directory: LogDirectory): Promise<string> {
  const logId = await logIdOf(directory);
  if (logId !== undefined) return logId;
  throw new HitsError("LOG_ID_UNKNOWN", `no header and no snapshot in ${directory.path} can be read: which log is it?`);
}

/** The id of the log: as the newest header that can be read has it, else as a snapshot does. */
export async function logIdOf(directory: LogDirectory): Promise<string | undefined> {
  const header = await newestReadableHeader(directory, await directory.segmentBases());
  if (header !== undefined) return header.logId;
  for await (const { facts } of readSnapshots(directory)) if (facts !== undefined) return facts.logId;
  return undefined;
}
