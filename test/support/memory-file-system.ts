import path from "node:path";
import type { FileSystem, OpenFile, OpenMode } from "../../src/wal/file-system.js";
import { type Crash, type Entry, MemoryDisk } from "./memory-disk.js";
import {
  type Interference,
  MemoryHandle,
  type Operation,
  type OperationKind,
  type Outcome,
  systemError,
} from "./memory-handle.js";

/**
 * A file system in memory that knows what is durable and what is not, records every operation, can be interfered with,
 * and can be cut from power.
 */
export class MemoryFileSystem implements FileSystem {
  /** Every operation that took effect, in order. */
  readonly record: Operation[] = [];
  /** Bytes that all files together may take; writes that would grow a file past it fail with `ENOSPC`. */
  capacity = Number.POSITIVE_INFINITY;
  /** Called at each moment at which the power may go: each operation begun, half done (not durable yet), or done. */
  moment: (operation: Operation) => Promise<void> | void = () => undefined;
  readonly #durableWrites: boolean;
  readonly #disk: MemoryDisk;
  #interferences: Interference[] = [];
  #dead = false;

  /** `durableWrites`: whether a file opened as `durable` is so (`O_DSYNC`), or has to be synced after each write. */
  constructor(options: { durableWrites: boolean }, disk = new MemoryDisk()) {
    this.#durableWrites = options.durableWrites;
    this.#disk = disk;
  }

  /** Lets `interference` see every operation before it is done, until it says `undefined` no more; see `onNth`. */
  interfere(interference: Interference): () => void {
    this.#interferences.push(interference);
    return () => {
      this.#interferences = this.#interferences.filter((other) => other !== interference);
    };
  }

  /** Interferes with the n-th (from 1) operation of a kind on a path that ends so. */
  onNth(kind: OperationKind, pathEnd: string, nth: number, act: Interference): () => void {
    let seen = 0;
    return this.interfere((operation) => {
      const meant = operation.kind === kind && (operation.path.endsWith(pathEnd) || operation.to?.endsWith(pathEnd));
      return meant && ++seen === nth ? act(operation) : undefined;
    });
  }

  /** Returns the file system as a power cut now would leave it. This one is unchanged. */
  crash(crash: Crash): MemoryFileSystem {
    return this.#on(this.#disk.crash(crash));
  }

  /** Returns the file system as a new process sees it after this one was killed: the same files, durable or not. This one is unchanged. */
  fork(): MemoryFileSystem {
    return this.#on(this.#disk.fork());
  }

  /** As `fork`, and nothing more comes of this one: what it was asked for never comes back. */
  kill(): MemoryFileSystem {
    this.#dead = true;
    return this.fork();
  }

  /** A copy of all files as they read now, durable. */
  copy(): MemoryFileSystem {
    return this.#on(this.#disk.copy());
  }

  names(directory: string): string[] {
    return [...this.#disk.names.keys()]
      .filter((name) => name !== "/" && path.dirname(name) === directory)
      .map((name) => path.basename(name))
      .sort();
  }

  content(file: string): Buffer {
    return this.#disk.file(file).content();
  }

  /** Every name with what it stands for. */
  entries(): Iterable<[string, Entry]> {
    return this.#disk.names;
  }

  /** Bytes that all files take together. */
  get used(): number {
    let used = 0;
    for (const entry of this.#disk.names.values()) used += entry === "directory" ? 0 : entry.size;
    return used;
  }

  /** Puts a file in place, durable, past all records and interferences. */
  put(file: string, content: Uint8Array): void {
    this.#disk.put(file, content);
  }

  remove(file: string): void {
    this.#disk.remove(file);
  }

  /** Changes bytes on the disk that were written and synced. Recorded; no reader is notified. */
  damage(file: string, bytes: Buffer, position: number): void {
    const content = this.#disk.file(file);
    content.damage(bytes, position);
    this.record.push({ kind: "damage", path: file, position, bytes, file: content });
  }

  async open(file: string, mode: OpenMode): Promise<OpenFile> {
    await this.begin({ kind: "open", path: file, mode });
    if (mode === "create") this.#disk.create(file);
    await this.end({ kind: "open", path: file, mode, file: this.#disk.file(file) });
    return new MemoryHandle(this, file, this.#disk.file(file), mode === "durable" && this.#durableWrites);
  }

  async list(directory: string): Promise<string[]> {
    await this.begin({ kind: "list", path: directory });
    const entry = this.#disk.names.get(directory);
    if (entry !== "directory") throw systemError(entry === undefined ? "ENOENT" : "ENOTDIR");
    return this.names(directory);
  }

  async makeDirectory(directory: string): Promise<void> {
    await this.begin({ kind: "makeDirectory", path: directory });
    this.#disk.makeDirectory(directory);
    await this.end({ kind: "makeDirectory", path: directory });
  }

  async rename(from: string, to: string): Promise<void> {
    await this.begin({ kind: "rename", path: from, to });
    this.#disk.rename(from, to);
    await this.end({ kind: "rename", path: from, to });
  }

  async unlink(file: string): Promise<void> {
    await this.begin({ kind: "unlink", path: file });
    this.#disk.unlink(file);
    await this.end({ kind: "unlink", path: file });
  }

  async syncDirectory(directory: string): Promise<void> {
    await this.begin({ kind: "syncDirectory", path: directory });
    this.#disk.syncDirectory(directory);
    await this.end({ kind: "syncDirectory", path: directory });
  }

  /** Before an operation: what interferes with it, if anything. Throws the error unless `sync` or `write` will. */
  async begin(operation: Operation): Promise<Outcome | undefined> {
    await this.#alive();
    let outcome: Outcome | undefined;
    for (const interference of this.#interferences) outcome ??= await interference(operation);
    await this.#alive();
    const error = outcome?.error;
    if (error !== undefined && operation.kind !== "sync" && operation.kind !== "write") throw error;
    return outcome;
  }

  async end(operation: Operation): Promise<void> {
    this.record.push(operation);
    await this.moment(operation);
    await this.#alive();
  }

  hasRoomFor(more: number): boolean {
    return this.used + more <= this.capacity;
  }

  /** Nothing that a killed process asked for ever comes back to it. */
  #alive(): Promise<void> {
    return this.#dead ? new Promise(() => undefined) : Promise.resolve();
  }

  #on(disk: MemoryDisk): MemoryFileSystem {
    return new MemoryFileSystem({ durableWrites: this.#durableWrites }, disk);
  }
}
