import { accessSync, constants, existsSync } from "node:fs";
import path from "node:path";
import type { Config } from "../../config.js";
import { describeError } from "../../errors.js";
import { type Mount, mountOf } from "../../host/mounts.js";
import { LogDirectory } from "../../wal/log-directory.js";
import { checkClock, readClock } from "./clock.js";
import { deviceFacts, judgeWrites } from "./disk.js";
import { measureWrites, type WriteTimes } from "./disk-writes.js";
import { checkContainer, checkFileSystem, checkMountOptions } from "./file-system.js";
import type { Finding } from "./finding.js";
import { checkHolder, checkLocking, type TakeLock } from "./lock.js";
import { logFacts } from "./log-facts.js";
import { judgeMongo } from "./mongodb.js";
import type { Probes } from "./probes.js";
import { checkRuntime, thisRuntime } from "./runtime.js";
import { makeScratch, type Scratch } from "./scratch.js";
import { checkSpace } from "./space.js";

export interface Examination {
  readonly probes: Probes;
  readonly directory: LogDirectory;
  readonly config: Config;
  /** Why the settings can't be used; the defaults are in `config` then. */
  readonly refusal: string | undefined;
  /** Does more in the scratch directory, where there is one. */
  readonly torture: ((scratch: Scratch) => AsyncIterable<Finding>) | undefined;
}

/** Looks at everything, one finding after the other. Whatever it makes is removed when it ends, however it ends. */
export async function* examine(examination: Examination): AsyncGenerator<Finding> {
  const { probes, directory, config, refusal } = examination;
  const clock = readClock(probes);
  yield checkRuntime(thisRuntime());
  if (refusal !== undefined) {
    yield { check: "settings", level: "problem", found: refusal, advice: "mend it: no server starts with it" };
  }
  const place = existing(directory.path);
  const mount = mountOf(probes.text("/proc/self/mountinfo") ?? "", place);
  if (place !== directory.path) {
    yield {
      check: "directory",
      level: "note",
      found: `${directory.path} is not there yet: looked at ${place} instead`,
    };
  }
  yield checkFileSystem(probes, place, mount);
  const options = checkMountOptions(mount);
  if (options !== undefined) yield options;
  yield checkContainer(probes, mount);
  const denied = place === directory.path ? notWritable(directory.path) : undefined;
  if (denied !== undefined) yield denied;
  const hangs = denied === undefined && (yield* inScratch(examination, place, mount));
  const { bytes, newest } = hangs ? { bytes: 0, newest: undefined } : await logFacts(directory);
  const { walSegmentBytes: segmentBytes, retention } = config;
  yield* checkSpace(probes, place, { segmentBytes, retentionBytes: retention.bytes, usedBytes: bytes });
  yield checkHolder(probes, directory.path);
  yield await checkClock(probes, clock, newest);
  if (config.mongodb === undefined) {
    yield { check: "mongodb", level: "note", found: "MONGODB_URL is not set: counts are kept here only" };
    return;
  }
  const { lookAtMongo } = await import("./mongodb-look.js");
  yield* judgeMongo(await lookAtMongo(config.mongodb));
}

function notWritable(directory: string): Finding | undefined {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    const advice = "let the user that runs the server own it, and mount it rw";
    return { check: "directory", level: "problem", found: `it can't be written (${describeError(error)})`, advice };
  }
}

/**
 * Beside the log where that is the same file system; else it is a mount, and there is only a hidden directory in it, which
 * the log takes no notice of. A log that is not there yet: where it would be made.
 */
function scratchPlaces(probes: Probes, directory: string, place: string): string[] {
  if (place !== directory) return [place];
  const parent = path.dirname(directory);
  return probes.identity(parent)?.dev === probes.identity(directory)?.dev ? [parent, directory] : [directory];
}

/** What takes files of its own. True where the disk hangs: nothing more is asked of it then. */
async function* inScratch(
  { probes, directory, torture }: Examination,
  place: string,
  mount: Mount | undefined,
): AsyncGenerator<Finding, boolean> {
  let scratch: Scratch;
  try {
    scratch = makeScratch(scratchPlaces(probes, directory.path, place));
  } catch (error) {
    const advice = "let the user that runs the server own it, and mount it rw";
    yield { check: "directory", level: "problem", found: describeError(error), advice };
    return false;
  }
  let hangs = false;
  try {
    const times = await writeTimes(probes, place, new LogDirectory(scratch.directory, directory.fs));
    if (typeof times === "string") {
      const found = `no durable write: ${times}`;
      yield { check: "sync", level: "problem", found, advice: "make room, and see dmesg for errors of the disk" };
    } else {
      hangs = times === null;
      yield* judgeWrites(times ?? "hangs", mount === undefined ? NO_DEVICE : deviceFacts(probes, mount.device));
    }
    if (hangs) return true;
    yield await checkLocking(scratch.directory, await lockOf());
    if (torture !== undefined) yield* torture(scratch);
    return false;
  } finally {
    if (hangs) scratch.abandon();
    else scratch.remove();
  }
}

const NO_DEVICE = { rotational: undefined, cache: undefined };

/** Null: it hangs. A text: why it could not be measured. */
async function writeTimes(probes: Probes, place: string, scratch: LogDirectory): Promise<WriteTimes | null | string> {
  const volume = probes.volume(place);
  try {
    const free = volume === undefined ? Number.POSITIVE_INFINITY : volume.bavail * volume.bsize;
    const times = await measureWrites(scratch, free);
    if (times === "hangs") return null;
    return times.durable.length > 0 && times.plain.length > 0 ? times : "there is no room for a block of 4 KiB";
  } catch (error) {
    return describeError(error);
  }
}

/** Its binary may be missing on this platform, which is a finding. */
async function lockOf(): Promise<TakeLock> {
  try {
    return (await import("../../wal/lock.js")).takeLock;
  } catch (error) {
    return () => Promise.reject(error);
  }
}

/** The directory itself, or the nearest one above it that is there: the doctor makes none. */
function existing(directory: string): string {
  let place = directory;
  while (!existsSync(place) && path.dirname(place) !== place) place = path.dirname(place);
  return place;
}
