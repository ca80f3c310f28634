import path from "node:path";
import { describeError, HitsError, systemCode } from "../errors.js";
import type { FileSystem } from "./file-system.js";
import type { LogDirectory } from "./log-directory.js";
import { isOwnName, isTolerated, segmentBases } from "./segment-name.js";

/** What segments a log directory holds. */
export interface SegmentTotals {
  readonly start: number | undefined;
  readonly count: number;
  readonly bytes: number;
}

export async function measureSegments(directory: LogDirectory): Promise<SegmentTotals> {
  const bases = await directory.segmentBases();
  let bytes = 0;
  for (const base of bases) {
    const file = await directory.fs.open(directory.segment(base), "read");
    try {
      bytes += await file.size();
    } finally {
      await file.close();
    }
  }
  return { start: bases[0], count: bases.length, bytes };
}

/** Creates the directory where it is missing, and refuses one that holds something other than a log. */
export async function ensureLogDirectory(directory: LogDirectory): Promise<void> {
  const refuse = (why: string, cause?: unknown) =>
    new HitsError("LOG_DIRECTORY", `${directory.path} ${why}`, { cause });
  let names: string[];
  try {
    names = await createDurably(directory.fs, directory.path);
  } catch (error) {
    throw refuse(
      `can't be used as a log directory (${describeError(error)}): a directory is allowed that this process may write`,
      error,
    );
  }
  const foreign = names.filter((name) => !isOwnName(name) && !isTolerated(name));
  if (foreign.length > 0 && segmentBases(names).length === 0) {
    throw refuse(
      `holds no log, but other files (${foreign.slice(0, 3).join(", ")}): an empty directory is allowed, or one with a log`,
    );
  }
}

/** What the directory holds. Where it, or a directory above it, had to be created, their names are durable. */
async function createDurably(fs: FileSystem, directory: string): Promise<string[]> {
  const parent = path.dirname(directory);
  try {
    const names = await fs.list(directory);
    // Who created it may have been killed before its name was durable. Where that can't be made sure of, it is old.
    if (segmentBases(names).length === 0) await fs.syncDirectory(parent).catch(() => undefined);
    return names;
  } catch (error) {
    if (systemCode(error) !== "ENOENT" || parent === directory) throw error;
  }
  await createAbove(fs, parent);
  await fs.makeDirectory(directory);
  await fs.syncDirectory(parent);
  return [];
}

/** Only what is missing is looked at: a directory above may well be one that this process can't list. */
async function createAbove(fs: FileSystem, directory: string): Promise<void> {
  try {
    await fs.list(directory);
  } catch (error) {
    if (systemCode(error) === "ENOENT") await createDurably(fs, directory);
    return;
  }
  // A start that was killed may have created it just before; see above.
  await fs.syncDirectory(path.dirname(directory)).catch(() => undefined);
}
