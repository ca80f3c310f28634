import path from "node:path";
import { crc32 } from "node:zlib";
import * as assert from "uvu/assert";
import { HitsError } from "../../../src/errors.js";
import { checkLogDirectory } from "../../../src/maintenance/log-directory.js";
import { dryRepair, type RepairOptions, repairLog } from "../../../src/maintenance/repair/repair-log.js";
import type { Step } from "../../../src/maintenance/repair/steps.js";
import { verifyLog } from "../../../src/maintenance/verify/verify-log.js";
import type { FileSystem } from "../../../src/wal/file-system.js";
import { readMissingRanges } from "../../../src/wal/missing-ranges.js";
import { QUARANTINE_DIRECTORY } from "../../../src/wal/segment-name.js";
import type { MemoryFileSystem } from "../../support/memory-file-system.js";
import { DIRECTORY, directoryOn } from "./server.js";

/**
 * `wal repair` as the command runs it, on any file system and with nobody to ask: what it did, or would do. Undefined
 * where there is no log yet.
 */
export async function repair(fs: FileSystem, how: "dry" | "yes"): Promise<readonly Step[] | undefined> {
  const directory = directoryOn(fs);
  const options: RepairOptions = {
    directory,
    ask: undefined,
    withoutMongodb: false,
    windowMs: 86_400_000,
    lock: async () => ({ release: async () => undefined }),
  };
  try {
    await checkLogDirectory(directory);
  } catch (error) {
    if (error instanceof HitsError && error.code === "LOG_DIRECTORY") return undefined;
    throw error;
  }
  const { steps, byHand } = how === "dry" ? await dryRepair(options) : await repairLog(options);
  if (byHand.length > 0) throw new Error(`repair leaves to a person: ${byHand.map(({ file }) => file).join(", ")}`);
  return steps;
}

/**
 * Checks what a repair leaves beside the log: no offset counts as missing that has one of these hits, and the copies in quarantine
 * are what their names say, now and after a power cut.
 */
export async function checkLeft(fs: MemoryFileSystem, hits: ReadonlyMap<number, number>): Promise<void> {
  const { ranges, firstUnsettled } = await readMissingRanges(directoryOn(fs));
  assert.is(firstUnsettled, Number.POSITIVE_INFINITY, "something waits for a database that was never there");
  for (const [offset, key] of hits) {
    const range = ranges.find(({ from, to }) => from <= offset && offset < to);
    assert.ok(range === undefined || key === -1, `offset ${offset} counts as missing, and is there`);
  }
  const folder = path.join(DIRECTORY, QUARANTINE_DIRECTORY);
  for (const disk of [fs, fs.crash("lost")]) {
    for (const name of disk.names(folder).filter((one) => one.endsWith(".bytes"))) {
      const [, from, to, checksum] = /\.(\d+)-(\d+)\.([0-9a-f]{8})\.bytes$/.exec(name) ?? [];
      const content = disk.content(path.join(folder, name));
      const found = [content.length, crc32(content)];
      assert.equal(found, [Number(to) - Number(from), Number.parseInt(checksum ?? "", 16)], `${name} in quarantine`);
    }
  }
}

/** Verifies the log as the command does after a repair; throws if anything is left to report. */
export async function verifyRepaired(fs: FileSystem): Promise<void> {
  const { sound, findings } = await verifyLog(directoryOn(fs));
  if (!sound) throw new Error(`verify after a repair finds ${JSON.stringify(findings)}`);
}

/** Runs it on a log that no disk has lied about: there is nothing to do then, whatever a crash left. */
export async function repairNothing(fs: FileSystem, how: "dry" | "yes"): Promise<readonly Step[] | undefined> {
  const steps = await repair(fs, how);
  if (steps !== undefined && steps.length > 0)
    throw new Error(`a repair of what is no damage: ${JSON.stringify(steps)}`);
  return steps;
}
