import { accessSync, constants, existsSync } from "node:fs";
import path from "node:path";
import type { Config } from "../../config.js";
import { describeError } from "../../errors.js";
import { type Mount, mountOf } from "../../host/mounts.js";
import { LogDirectory } from "../../wal/log-directory.js";
import type { Finding, Probes } from "./check.js";
import { checkClock, readClock } from "./clock.js";
import { deviceFacts, judgeWrites, measureWrites, type WriteTimes } from "./disk.js";
import { checkContainer, checkFileSystem, checkMountOptions } from "./file-system.js";
import { checkHolder, checkLocking, type TakeLock } from "./lock.js";
import { summarizeLog } from "./log-summary.js";
import { judgeMongo } from "./mongodb.js";
import { checkRuntime, thisRuntime } from "./runtime.js";
import { makeScratch, type Scratch } from "./scratch.js";
import { checkSpace } from "./space.js";

export interface Examination {
  readonly probes: Probes;
  readonly directory: LogDirectory;
  readonly config: Config;
  /** The reason that a setting is invalid; `config` then has the defaults. */
  readonly refusal: string | undefined;
  /** Runs further checks in the scratch directory, if one can be made. */
  readonly torture: ((scratch: Scratch) => AsyncIterable<Finding>) | undefined;
}

/** Runs all checks, and yields each finding. Every file that it makes is removed when it ends, however it ends. */
export async function* examine(examination: Examination): AsyncGenerator<Finding> {
  const { probes, directory, config, refusal } = examination;
  const clock = readClock(probes);
  yield checkRuntime(thisRuntime());
  if (refusal !== undefined) {
    yield { check: "settings", level: "problem", found: refusal, advice: "correct it: no server starts with it" };
  }
  const place = nearestExisting(directory.path);
  const mount = mountOf(probes.text("/proc/self/mountinfo") ?? "", place);
  if (place !== directory.path) {
    yield {
      check: "directory",
      level: "note",
      found: `${directory.path} does not exist yet: checked ${place} instead`,
    };
  }
  yield checkFileSystem(probes, place, mount);
  const options = checkMountOptions(mount);
  if (options !== undefined) yield options;
  yield checkContainer(probes, mount);
  const denied = place === directory.path ? notWritable(directory.path) : undefined;
  if (denied !== undefined) yield denied;
  const hangs = denied === undefined && (yield* inScratch(examination, place, mount));
  const { bytes, newest } = hangs ? { bytes: 0, newest: undefined } : await summarizeLog(directory);
  const { walSegmentBytes: segmentBytes, retention } = config;
  yield* checkSpace(probes, place, { segmentBytes, retentionBytes: retention.bytes, usedBytes: bytes });
  yield checkHolder(probes, directory.path);
  yield await checkClock(probes, clock, newest);
  if (config.mongodb === undefined) {
    yield { check: "mongodb", level: "note", found: "MONGODB_URL is not set: counts are stored here only" };
    return;
  }
  const { probeMongo } = await import("./mongodb-probe.js");
  yield* judgeMongo(await probeMongo(config.mongodb));
}

function notWritable(directory: string): Finding | undefined {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    const advice = "make the user that runs the server its owner, and mount it rw";
    return { check: "directory", level: "problem", found: `it is not writable (${describeError(error)})`, advice };
  }
}

/**
 * Returns the directories to try: next to the log if that is the same file system. Else the log is a mount, and only a hidden
 * directory inside it, which the log ignores, is on its disk. If the log does not exist yet: where it would be made.
 */
function scratchPlaces(probes: Probes, directory: string, place: string): string[] {
  if (place !== directory) return [place];
  const parent = path.dirname(directory);
  return probes.identity(parent)?.dev === probes.identity(directory)?.dev ? [parent, directory] : [directory];
}

/** Runs the checks that need files of their own. Returns true if the disk hangs: then no further check may use it. */
async function* inScratch(
  { probes, directory, torture }: Examination,
  place: string,
  mount: Mount | undefined,
): AsyncGenerator<Finding, boolean> {
  let scratch: Scratch;
  try {
    scratch = makeScratch(scratchPlaces(probes, directory.path, place));
  } catch (error) {
    const advice = "make the user that runs the server its owner, and mount it rw";
    yield { check: "directory", level: "problem", found: describeError(error), advice };
    return false;
  }
  let hangs = false;
  try {
    const times = await writeTimes(probes, place, new LogDirectory(scratch.directory, directory.fs));
    if (typeof times === "string") {
      const found = `no durable write: ${times}`;
      yield { check: "sync", level: "problem", found, advice: "free up space, and see dmesg for disk errors" };
    } else {
      hangs = times === null;
      yield* judgeWrites(times ?? "hangs", mount === undefined ? NO_DEVICE : deviceFacts(probes, mount.device));
    }
    if (hangs) return true;
    yield await checkLocking(scratch.directory, await loadLock());
    if (torture !== undefined) yield* torture(scratch);
    return false;
  } finally {
    if (hangs) scratch.abandon();
    else scratch.remove();
  }
}

const NO_DEVICE = { rotational: undefined, cache: undefined };

/** Resolves to null if the disk hangs, and to the reason if nothing could be measured. */
async function writeTimes(probes: Probes, place: string, scratch: LogDirectory): Promise<WriteTimes | null | string> {
  const volume = probes.volume(place);
  try {
    const free = volume === undefined ? Number.POSITIVE_INFINITY : volume.bavail * volume.bsize;
    const times = await measureWrites(scratch, free);
    if (times === "hangs") return null;
    return times.durable.length > 0 && times.plain.length > 0 ? times : "no space for a block of 4 KiB";
  } catch (error) {
    return describeError(error);
  }
}

/** Loads the lock, whose binary may be missing on this platform; that is a finding. */
async function loadLock(): Promise<TakeLock> {
  try {
    return (await import("../../wal/lock.js")).takeLock;
  } catch (error) {
    return () => Promise.reject(error);
  }
}

/** Returns the directory, or its nearest ancestor that exists: the doctor makes none. */
function nearestExisting(directory: string): string {
  let place = directory;
  while (!existsSync(place) && path.dirname(place) !== place) place = path.dirname(place);
  return place;
}
