import { describeError, HitsError, systemCode } from "../errors.js";
import { readSnapshots } from "../projection/snapshot/snapshot.js";
import { Log, type LogOptions } from "../wal/log.js";
import type { LogDirectory } from "../wal/log-directory.js";
import { newestReadableHeader } from "../wal/recovery-files.js";
import { type Registration, readRegistrations, removeRegistration } from "../wal/registrations.js";
import { isTolerated, SNAPSHOT_DIRECTORY, segmentBases } from "../wal/segment-name.js";
import { SegmentReader } from "../wal/segment-reader.js";

/** The size of a segment that a command begins: the server continues in one of its own size. */
const SEGMENT_BYTES = 64 * 1024;

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

/** Creates an empty log, durably, and returns its id. Throws `LOG_DIRECTORY` for a directory with anything in it. */
export async function createLog(directory: LogDirectory): Promise<string> {
  const names = (await namesIn(directory)).filter((name) => !isTolerated(name));
  if (names.length > 0) {
    const some = names.slice(0, 3).join(", ");
    const message = `${directory.path} is not empty (${some}): name a new directory, or an empty one`;
    throw new HitsError("LOG_DIRECTORY", message);
  }
  return await openOnce(directory);
}

/** Opens and closes a log as a server does, and returns its id. */
export async function openOnce(directory: LogDirectory, options: Pick<LogOptions, "witnesses" | "lock"> = {}) {
  const limits = { segmentBytes: SEGMENT_BYTES, maxQueuedBytes: SEGMENT_BYTES };
  const log = await Log.open({ directory, ...limits, ...options });
  const refusal = log.refusal(0);
  await log.close();
  if (refusal !== undefined) throw refusal;
  return log.id;
}

async function namesIn(directory: LogDirectory): Promise<string[]> {
  try {
    return await directory.listIfThere();
  } catch (error) {
    const message = `${directory.path} can't be used (${describeError(error)}): name a new directory, or an empty one`;
    throw new HitsError("LOG_DIRECTORY", message, { cause: error });
  }
}

/** A projection that is forgotten, and the part of the log that retention kept for it. */
export interface Forgotten {
  readonly registration: (Registration & { readonly damaged?: string }) | undefined;
  readonly segments: number;
  readonly bytes: number;
}

/** Removes a projection's registration. Throws `UNKNOWN_PROJECTION`. */
export async function forgetProjection(directory: LogDirectory, name: string): Promise<Forgotten> {
  const registration = (await readRegistrations(directory)).find((one) => one.name === name);
  await removeRegistration(directory, name);
  return { registration, ...(await segmentsKeptFrom(directory, registration?.offset ?? 0)) };
}

/** Adds up the closed segments with offsets from `offset` on. The newest segment stays in any case. */
async function segmentsKeptFrom(directory: LogDirectory, offset: number) {
  const bases = await directory.segmentBases();
  let [segments, bytes] = [0, 0];
  await forEachSegment(directory, bases.at(-2), ({ baseOffset }, size) => {
    const next = bases.find((base) => base > baseOffset);
    if (next === undefined || next <= offset) return;
    segments++;
    bytes += size;
  });
  return { segments, bytes };
}
