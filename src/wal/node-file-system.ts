import fs from "node:fs";
import path from "node:path";
import { systemCode } from "../errors.js";
import type { FileSystem, OpenFile, OpenMode } from "./file-system.js";
import { linkError, O_NOFOLLOW } from "./links.js";

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL } = fs.constants;
/** Undefined where the platform lacks it (Windows) or ignores it in part (macOS): there each batch is written, then synced. */
const O_DSYNC: number | undefined = process.platform === "linux" ? fs.constants.O_DSYNC : undefined;

const flags: Record<OpenMode, number> = {
  read: O_RDONLY,
  update: O_RDWR | O_NOFOLLOW,
  create: O_RDWR | O_CREAT | O_EXCL,
  durable: O_RDWR | O_NOFOLLOW | (O_DSYNC ?? 0),
};

/** Payloads may be personal data: only the user that writes the log can read it. What exists keeps its mode. */
export const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

/** The real file system. With callbacks, not `fs.promises`: a batch is one promise instead of a chain of them. */
export const nodeFileSystem: FileSystem = {
  open(path, mode) {
    return new Promise((resolve, reject) => {
      fs.open(path, flags[mode], FILE_MODE, (error, fd) => {
        if (error) reject(error);
        else resolve(new NodeFile(fd, mode === "durable" && O_DSYNC !== undefined));
      });
    });
  },
  list: (directory) => fs.promises.readdir(directory),
  makeDirectory,
  rename: (from, to) => fs.promises.rename(from, to),
  unlink: (path) => fs.promises.unlink(path),
  async syncDirectory(directory) {
    // Windows can't open a directory, and NTFS journals names.
    if (process.platform === "win32") return;
    const handle = await fs.promises.open(directory, O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};

/** Creates one level at a time: on a read-only mount Node's own recursion reports a misleading ENOENT. */
async function makeDirectory(directory: string): Promise<void> {
  try {
    await fs.promises.mkdir(directory, DIRECTORY_MODE);
  } catch (error) {
    const code = systemCode(error);
    if (code === "EEXIST") {
      if ((await fs.promises.lstat(directory)).isSymbolicLink()) throw linkError(directory);
      return;
    }
    if (code !== "ENOENT" || path.dirname(directory) === directory) throw error;
    await makeDirectory(path.dirname(directory));
    await fs.promises.mkdir(directory, DIRECTORY_MODE);
  }
}

class NodeFile implements OpenFile {
  readonly #fd: number;
  readonly writesAreDurable: boolean;

  constructor(fd: number, writesAreDurable: boolean) {
    this.#fd = fd;
    this.writesAreDurable = writesAreDurable;
  }

  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.read(this.#fd, buffer, offset, length, position, (error, count) => (error ? reject(error) : resolve(count)));
    });
  }

  write(buffer: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.write(this.#fd, buffer, offset, length, position, (error, count) => (error ? reject(error) : resolve(count)));
    });
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.#fd, (error) => (error ? reject(error) : resolve()));
    });
  }

  truncate(size: number): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.ftruncate(this.#fd, size, (error) => (error ? reject(error) : resolve()));
    });
  }

  size(): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.fstat(this.#fd, (error, stats) => (error ? reject(error) : resolve(stats.size)));
    });
  }

  close(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.close(this.#fd, (error) => (error ? reject(error) : resolve()));
    });
  }
}
