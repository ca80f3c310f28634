import type { OpenFile, OpenMode } from "../../src/wal/file-system.js";
import type { MemoryFile } from "./memory-file.js";

export type OperationKind =
  | "open"
  | "read"
  | "write"
  | "sync"
  | "truncate"
  | "size"
  | "close"
  | "list"
  | "makeDirectory"
  | "rename"
  | "unlink"
  | "syncDirectory"
  // Nobody asked for it: the disk has lied.
  | "damage";

export interface Operation {
  readonly kind: OperationKind;
  /** The file or directory; what a rename takes away. */
  readonly path: string;
  readonly to?: string;
  readonly mode?: OpenMode;
  readonly position?: number;
  readonly bytes?: Buffer;
  /** The file itself, whatever its name is by now. */
  readonly file?: MemoryFile;
  /** A write that was on the disk when it returned. */
  readonly durable?: boolean;
  /** It failed: a write with these bytes in the cache, a sync with its pages dropped. */
  readonly failed?: boolean;
}

/** Done by an interference: fail, or write only so many bytes, failing or not. */
export interface Outcome {
  readonly error?: Error;
  readonly short?: number;
}

export type Interference = (operation: Operation) => Promise<Outcome | undefined> | Outcome | undefined;

export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

/** The part of a file system that its open files call. */
interface Host {
  begin(operation: Operation): Promise<Outcome | undefined>;
  moment(operation: Operation): Promise<void> | void;
  end(operation: Operation): Promise<void>;
  hasRoomFor(more: number): boolean;
  readonly record: Operation[];
}

export class MemoryHandle implements OpenFile {
  readonly writesAreDurable: boolean;
  readonly #fs: Host;
  readonly #path: string;
  readonly #file: MemoryFile;

  constructor(fs: Host, file: string, content: MemoryFile, writesAreDurable: boolean) {
    this.#fs = fs;
    this.#path = file;
    this.#file = content;
    this.writesAreDurable = writesAreDurable;
  }

  async read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    await this.#fs.begin({ kind: "read", path: this.#path, position });
    return this.#file.read(buffer.subarray(offset, offset + length), position);
  }

  async write(buffer: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    const bytes = Buffer.from(buffer.subarray(offset, offset + length));
    const file = this.#file;
    const operation = {
      kind: "write",
      path: this.#path,
      position,
      bytes,
      file,
      durable: this.writesAreDurable,
    } as const;
    const outcome = await this.#fs.begin(operation);
    const count = outcome?.short ?? (outcome?.error === undefined ? length : 0);
    const growth = position + count - file.size;
    if (growth > 0 && !this.#fs.hasRoomFor(growth)) throw systemError("ENOSPC");
    const done = { ...operation, bytes: bytes.subarray(0, count) };
    if (count > 0) file.write(done.bytes, position);
    if (outcome?.error !== undefined) {
      // A durable write fails as a sync does: the pages are there, count as clean, and are never written.
      if (this.writesAreDurable) file.dropDirty();
      this.#fs.record.push({ ...done, failed: true });
      throw outcome.error;
    }
    if (this.writesAreDurable && count > 0) {
      await this.#fs.moment(operation);
      file.syncRange(position, count);
    }
    await this.#fs.end(done);
    return count;
  }

  async sync(): Promise<void> {
    const operation = { kind: "sync", path: this.#path, file: this.#file } as const;
    const outcome = await this.#fs.begin(operation);
    if (outcome?.error !== undefined) {
      this.#file.dropDirty();
      this.#fs.record.push({ ...operation, failed: true });
      throw outcome.error;
    }
    this.#file.sync();
    await this.#fs.end(operation);
  }

  async truncate(size: number): Promise<void> {
    await this.#fs.begin({ kind: "truncate", path: this.#path, position: size });
    this.#file.truncate(size);
    await this.#fs.end({ kind: "truncate", path: this.#path, position: size, file: this.#file });
  }

  async size(): Promise<number> {
    await this.#fs.begin({ kind: "size", path: this.#path });
    return this.#file.size;
  }

  async close(): Promise<void> {
    await this.#fs.begin({ kind: "close", path: this.#path });
  }
}
