import path from "node:path";
import { systemCode } from "../errors.js";
import type { FileSystem } from "./file-system.js";
import { nodeFileSystem } from "./node-file-system.js";
import { segmentBases, segmentName } from "./segment-name.js";

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
