import path from "node:path";
import type { FileSystem, OpenFile, OpenMode } from "../../src/wal/file-system.js";
import { MemoryFile, seeded } from "./memory-file.js";
import {
  type Interference,
  MemoryHandle,
  type Operation,
  type OperationKind,
  type Outcome,
  systemError,
} from "./memory-handle.js";

/** What a power cut leaves of all that was not synced: nothing, everything, or a seeded random part of it. */
export type Crash = "lost" | "kept" | { readonly seed: number };

type Entry = MemoryFile | "directory";
/** Names that one operation changes together. */
type NameChange = readonly (readonly [name: string, entry: Entry | undefined])[];

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
  readonly #names: Map<string, Entry>;
  readonly #durableNames: Map<string, Entry>;
  #unsynced: NameChange[] = [];
  #interferences: Interference[] = [];
  #dead = false;

  /** `durableWrites`: whether a file opened as `durable` is so (`O_DSYNC`), or has to be synced after each write. */
  constructor(options: { durableWrites: boolean }, names: ReadonlyMap<string, Entry> = new Map([["/", "directory"]])) {
    this.#durableWrites = options.durableWrites;
    this.#names = new Map(names);
    this.#durableNames = new Map(names);
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

  /** What the disk holds if the power goes now. This file system goes on. */
  crash(crash: Crash): MemoryFileSystem {
    const random = typeof crash === "string" ? () => 0 : seeded(crash.seed);
    const written = () => (typeof crash === "string" ? crash === "kept" : random() < 0.5);
    const names = new Map(this.#durableNames);
    for (const change of this.#unsynced) if (written()) apply(names, change);
    const disk = new Map<string, Entry>();
    const byLength = [...names].sort(([a], [b]) => a.length - b.length);
    for (const [name, entry] of byLength) {
      if (name !== "/" && disk.get(path.dirname(name)) !== "directory") continue;
      disk.set(name, entry === "directory" ? entry : MemoryFile.durable(entry.onDisk(written)));
    }
    return new MemoryFileSystem({ durableWrites: this.#durableWrites }, disk);
  }

  /** The process is killed and the machine goes on: a new process sees the same files, durable or not. This one goes on. */
  fork(): MemoryFileSystem {
    const forked = new MemoryFileSystem({ durableWrites: this.#durableWrites });
    const twins = new Map<MemoryFile, MemoryFile>();
    const twin = (entry: Entry): Entry => {
      if (entry === "directory") return entry;
      const there = twins.get(entry) ?? entry.fork();
      twins.set(entry, there);
      return there;
    };
    for (const [name, entry] of this.#names) forked.#names.set(name, twin(entry));
    for (const [name, entry] of this.#durableNames) forked.#durableNames.set(name, twin(entry));
    forked.#unsynced = this.#unsynced.map((change) => change.map(([name, entry]) => [name, entry && twin(entry)]));
    return forked;
  }

  /** As `fork`, and nothing more comes of this one: what it was asked for never comes back. */
  kill(): MemoryFileSystem {
    this.#dead = true;
    return this.fork();
  }

  /** A copy of all files as they read now, durable. */
  copy(): MemoryFileSystem {
    const names = new Map<string, Entry>();
    for (const [name, entry] of this.#names) {
      names.set(name, entry === "directory" ? entry : MemoryFile.durable(entry.content()));
    }
    return new MemoryFileSystem({ durableWrites: this.#durableWrites }, names);
  }

  names(directory: string): string[] {
    return [...this.#names.keys()]
      .filter((name) => name !== "/" && path.dirname(name) === directory)
      .map((name) => path.basename(name))
      .sort();
  }

  content(file: string): Buffer {
    return this.#file(file).content();
  }

  /** Puts a file in place, durable, past all records and interferences. */
  put(file: string, content: Uint8Array): void {
    const entry = MemoryFile.durable(content);
    this.#names.set(file, entry);
    this.#durableNames.set(file, entry);
  }

  remove(file: string): void {
    this.#names.delete(file);
    this.#durableNames.delete(file);
  }

  async open(file: string, mode: OpenMode): Promise<OpenFile> {
    await this.begin({ kind: "open", path: file, mode });
    const there = this.#names.get(file);
    if (mode === "create") {
      if (there !== undefined) throw systemError("EEXIST");
      if (this.#names.get(path.dirname(file)) !== "directory") throw systemError("ENOENT");
      this.#change([[file, new MemoryFile()]]);
    }
    await this.end({ kind: "open", path: file, mode });
    return new MemoryHandle(this, file, this.#file(file), mode === "durable" && this.#durableWrites);
  }

  async list(directory: string): Promise<string[]> {
    await this.begin({ kind: "list", path: directory });
    const entry = this.#names.get(directory);
    if (entry !== "directory") throw systemError(entry === undefined ? "ENOENT" : "ENOTDIR");
    return this.names(directory);
  }

  async makeDirectory(directory: string): Promise<void> {
    await this.begin({ kind: "makeDirectory", path: directory });
    const missing: string[] = [];
    for (let at = directory; !this.#names.has(at); at = path.dirname(at)) missing.push(at);
    for (const name of missing.reverse()) this.#change([[name, "directory"]]);
    await this.end({ kind: "makeDirectory", path: directory });
  }

  async rename(from: string, to: string): Promise<void> {
    await this.begin({ kind: "rename", path: from, to });
    const entry = this.#names.get(from);
    if (entry === undefined) throw systemError("ENOENT");
    // One change: a journalling file system never has both names or neither.
    this.#change([
      [from, undefined],
      [to, entry],
    ]);
    await this.end({ kind: "rename", path: from, to });
  }

  async unlink(file: string): Promise<void> {
    await this.begin({ kind: "unlink", path: file });
    if (!this.#names.has(file)) throw systemError("ENOENT");
    this.#change([[file, undefined]]);
    await this.end({ kind: "unlink", path: file });
  }

  async syncDirectory(directory: string): Promise<void> {
    await this.begin({ kind: "syncDirectory", path: directory });
    if (this.#names.get(directory) !== "directory") throw systemError("ENOENT");
    const meant = (change: NameChange) => change.some(([name]) => path.dirname(name) === directory);
    for (const change of this.#unsynced) if (meant(change)) apply(this.#durableNames, change);
    this.#unsynced = this.#unsynced.filter((change) => !meant(change));
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
    let used = 0;
    for (const entry of this.#names.values()) used += entry === "directory" ? 0 : entry.size;
    return used + more <= this.capacity;
  }

  /** Nothing that a killed process asked for ever comes back to it. */
  #alive(): Promise<void> {
    return this.#dead ? new Promise(() => undefined) : Promise.resolve();
  }

  #file(file: string): MemoryFile {
    const entry = this.#names.get(file);
    if (entry === undefined) throw systemError("ENOENT");
    if (entry === "directory") throw systemError("EISDIR");
    return entry;
  }

  #change(change: NameChange): void {
    apply(this.#names, change);
    this.#unsynced.push(change);
  }
}

function apply(names: Map<string, Entry>, change: NameChange): void {
  for (const [name, entry] of change) {
    if (entry === undefined) names.delete(name);
    else names.set(name, entry);
  }
}
