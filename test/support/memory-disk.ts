import path from "node:path";
import { MemoryFile, seeded } from "./memory-file.js";
import { type Operation, systemError } from "./memory-handle.js";

/** The part of all unsynced data that a power cut leaves: nothing, everything, or a seeded random part. */
export type Crash = "lost" | "kept" | { readonly seed: number };

export type Entry = MemoryFile | "directory";
/** Names that one operation changes together. */
type NameChange = readonly (readonly [name: string, entry: Entry | undefined])[];

/** Names and files as the kernel has them, and as the disk has them; see memory-file.ts for what is in the files. */
export class MemoryDisk {
  readonly names: Map<string, Entry>;
  readonly #durable: Map<string, Entry>;
  #unsynced: NameChange[] = [];

  constructor(names: ReadonlyMap<string, Entry> = new Map([["/", "directory"]])) {
    this.names = new Map(names);
    this.#durable = new Map(names);
  }

  create(file: string): void {
    if (this.names.has(file)) throw systemError("EEXIST");
    if (this.names.get(path.dirname(file)) !== "directory") throw systemError("ENOENT");
    this.#change([[file, new MemoryFile()]]);
  }

  makeDirectory(directory: string): void {
    const missing: string[] = [];
    for (let at = directory; !this.names.has(at); at = path.dirname(at)) missing.push(at);
    for (const name of missing.reverse()) this.#change([[name, "directory"]]);
  }

  rename(from: string, to: string): void {
    const entry = this.names.get(from);
    if (entry === undefined) throw systemError("ENOENT");
    // One change: a journalling file system never has both names or neither.
    this.#change([
      [from, undefined],
      [to, entry],
    ]);
  }

  unlink(file: string): void {
    if (!this.names.has(file)) throw systemError("ENOENT");
    this.#change([[file, undefined]]);
  }

  syncDirectory(directory: string): void {
    if (this.names.get(directory) !== "directory") throw systemError("ENOENT");
    const meant = (change: NameChange) => change.some(([name]) => path.dirname(name) === directory);
    for (const change of this.#unsynced) if (meant(change)) apply(this.#durable, change);
    this.#unsynced = this.#unsynced.filter((change) => !meant(change));
  }

  file(file: string): MemoryFile {
    const entry = this.names.get(file);
    if (entry === undefined) throw systemError("ENOENT");
    if (entry === "directory") throw systemError("EISDIR");
    return entry;
  }

  put(file: string, content: Uint8Array): void {
    const entry = MemoryFile.durable(content);
    this.names.set(file, entry);
    this.#durable.set(file, entry);
  }

  remove(file: string): void {
    this.names.delete(file);
    this.#durable.delete(file);
  }

  /** Returns the disk as a power cut now would leave it. This one is unchanged. */
  crash(crash: Crash): MemoryDisk {
    const random = typeof crash === "string" ? () => 0 : seeded(crash.seed);
    const written = () => (typeof crash === "string" ? crash === "kept" : random() < 0.5);
    const names = new Map(this.#durable);
    for (const change of this.#unsynced) if (written()) apply(names, change);
    const left = new Map<string, Entry>();
    const byLength = [...names].sort(([a], [b]) => a.length - b.length);
    for (const [name, entry] of byLength) {
      if (name !== "/" && left.get(path.dirname(name)) !== "directory") continue;
      left.set(name, entry === "directory" ? entry : MemoryFile.durable(entry.onDisk(written)));
    }
    return new MemoryDisk(left);
  }

  /** The same files in the same state, durable or not. */
  fork(): MemoryDisk {
    const forked = new MemoryDisk(new Map());
    const twins = new Map<MemoryFile, MemoryFile>();
    const twin = (entry: Entry): Entry => {
      if (entry === "directory") return entry;
      const there = twins.get(entry) ?? entry.fork();
      twins.set(entry, there);
      return there;
    };
    for (const [name, entry] of this.names) forked.names.set(name, twin(entry));
    for (const [name, entry] of this.#durable) forked.#durable.set(name, twin(entry));
    forked.#unsynced = this.#unsynced.map((change) => change.map(([name, entry]) => [name, entry && twin(entry)]));
    return forked;
  }

  /** A copy of all files as they read now, durable. */
  copy(): MemoryDisk {
    const names = new Map<string, Entry>();
    for (const [name, entry] of this.names) {
      names.set(name, entry === "directory" ? entry : MemoryFile.durable(entry.content()));
    }
    return new MemoryDisk(names);
  }

  /** Does here what was recorded on another disk. `files`: which file here is which there, kept by this. */
  redo(operation: Operation, files: Map<MemoryFile, MemoryFile>): void {
    const { kind, path: name, to = "" } = operation;
    if (kind === "open" && operation.mode === "create") {
      this.create(name);
      if (operation.file !== undefined) files.set(operation.file, this.file(name));
    } else if (kind === "makeDirectory") this.makeDirectory(name);
    else if (kind === "rename") this.rename(name, to);
    else if (kind === "unlink") this.unlink(name);
    else if (kind === "syncDirectory") this.syncDirectory(name);
    else if (operation.file !== undefined) redoIn(files.get(operation.file), operation);
  }

  #change(change: NameChange): void {
    apply(this.names, change);
    this.#unsynced.push(change);
  }
}

function redoIn(file: MemoryFile | undefined, { kind, position = 0, bytes, durable, failed }: Operation): void {
  if (kind === "damage") file?.damage(bytes ?? Buffer.alloc(0), position);
  if (kind === "truncate") file?.truncate(position);
  if (kind === "sync" && failed !== true) file?.sync();
  if (kind === "write" && bytes !== undefined && bytes.length > 0) {
    file?.write(bytes, position);
    if (durable === true && failed !== true) file?.syncRange(position, bytes.length);
  }
  // The kernel takes the pages for clean.
  if (failed === true && (kind === "sync" || durable === true)) file?.dropDirty();
}

function apply(names: Map<string, Entry>, change: NameChange): void {
  for (const [name, entry] of change) {
    if (entry === undefined) names.delete(name);
    else names.set(name, entry);
  }
}
