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

  /** Returns the path of a file by its name, or by the names of its folder and itself. */
  file(...names: readonly string[]): string {
    return path.join(this.path, ...names);
  }

  segment(baseOffset: number): string {
    return this.file(segmentName(baseOffset));
  }

  list(): Promise<string[]> {
    return this.fs.list(this.path);
  }

  /** Resolves to the names in the directory, or in one of its folders; to none if it does not exist. */
  async listIfThere(folder = ""): Promise<string[]> {
    try {
      return await this.fs.list(this.file(folder));
    } catch (error) {
      if (systemCode(error) === "ENOENT") return [];
      throw error;
    }
  }

  /** Resolves to the base offsets of its segments, ascending. */
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

/** Creates the directory if it is missing. Throws `LOG_DIRECTORY` if it can't be used, or has files but no log. */
export async function ensureLogDirectory(directory: LogDirectory): Promise<void> {
  const refuse = (why: string, cause?: unknown) =>
    new HitsError("LOG_DIRECTORY", `${directory.path} ${why}`, { cause });
  let names: string[];
  try {
    names = await createDurably(directory.fs, directory.path);
  } catch (error) {
    throw refuse(
      `cannot be used as a log directory (${describeError(error)}): it must be a directory that this process can write`,
      error,
    );
  }
  const foreign = names.filter((name) => !isOwnName(name) && !isTolerated(name));
  if (foreign.length > 0 && segmentBases(names).length === 0) {
    throw refuse(`has files that are not a log's (${foreign.slice(0, 3).join(", ")}): it must be empty, or have a log`);
  }
}

/** Resolves to the names in the directory. If it, or a directory above it, had to be created, their names are durable. */
async function createDurably(fs: FileSystem, directory: string): Promise<string[]> {
  const parent = path.dirname(directory);
  try {
    const names = await fs.list(directory);
    // The process that created it may have been killed before its name was durable. If it can't be synced, it is old.
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

/** Creates the directories above that are missing. One that exists may be one that this process can't list. */
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
