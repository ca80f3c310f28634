import path from "node:path";
import { describeError, HitsError, systemCode } from "../errors.js";
import type { FileSystem } from "./file-system.js";
import { nodeFileSystem } from "./node-file-system.js";
import { isOwnName, isTolerated, segmentBases, segmentName } from "./segment-name.js";

/** A log's directory: a path, and the file system that it is on. It need not exist yet. */
export class LogDirectory {
  readonly path: string;
  readonly fs: FileSystem;

  constructor(directory: string, fs: FileSystem = nodeFileSystem) {
    this.path = directory;
    this.fs = fs;
  }

  /** The path of a file by its name, or by the name of its folder and its own. */
  file(...names: readonly string[]): string {
    return path.join(this.path, ...names);
  }

  segment(baseOffset: number): string {
    return this.file(segmentName(baseOffset));
  }

  list(): Promise<string[]> {
    return this.fs.list(this.path);
  }

  /** Names in the directory, or in one of its folders; none if it does not exist. */
  async listIfThere(folder = ""): Promise<string[]> {
    try {
      return await this.fs.list(this.file(folder));
    } catch (error) {
      if (systemCode(error) === "ENOENT") return [];
      throw error;
    }
  }

  /** The base offsets of its segments, ascending. */
  async segmentBases(): Promise<number[]> {
    return segmentBases(await this.list());
  }

  /** Makes the names in the directory, or in one of its folders, durable. */
  sync(folder = ""): Promise<void> {
    return this.fs.syncDirectory(this.file(folder));
  }

  /** Creates one of its folders and makes its name durable. */
  async makeFolder(name: string): Promise<void> {
    await this.fs.makeDirectory(this.file(name));
    await this.sync();
  }
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
