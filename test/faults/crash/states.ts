import { crc32 } from "node:zlib";
import { type Crash, MemoryDisk } from "../../support/memory-disk.js";
import { type MemoryFile, seeded } from "../../support/memory-file.js";
import { MemoryFileSystem } from "../../support/memory-file-system.js";
import type { Operation } from "../../support/memory-handle.js";
import type { Recording } from "./workload.js";

/**
 * A state that a crash may leave: so many operations of a record were done; of the next one, a write, so many bytes were
 * in the cache; then the power went (and of what was not synced nothing, all, or a random part was on the disk) or only the
 * process was killed.
 */
export interface State {
  readonly seed: number;
  readonly done: number;
  readonly partial: number | undefined;
  readonly crash: Crash | "killed";
}

/** `seed:operations[+bytes]:lost|kept|killed|random seed`: all that it takes to rebuild a state. */
export function nameOf({ seed, done, partial, crash }: State): string {
  const how = typeof crash === "string" ? crash : crash.seed;
  return `${seed}:${done}${partial === undefined ? "" : `+${partial}`}:${how}`;
}

export function parseState(name: string): State {
  const match = /^(\d+):(\d+)(?:\+(\d+))?:(lost|kept|killed|\d+)$/.exec(name);
  if (match === null) throw new Error(`"${name}" names no state: seed:operations[+bytes]:lost|kept|killed|number`);
  const [, seed, done, partial, how = ""] = match;
  const crash = how === "lost" || how === "kept" || how === "killed" ? how : { seed: Number(how) };
  return {
    seed: Number(seed),
    done: Number(done),
    partial: partial === undefined ? undefined : Number(partial),
    crash,
  };
}

export interface Rebuilt {
  readonly state: State;
  readonly fs: MemoryFileSystem;
}

/** Random parts of what was not synced, for each moment at which anything was not. */
const SUBSETS = 3;

/** Every state of a recording, each once, in the order of the record. */
export function* statesOf(recording: Recording, seed: number): Generator<Rebuilt> {
  const random = seeded(seed ^ 0x57a7e);
  const number = () => Math.floor(random() * 1_000_000);
  const replay = new Replay(recording);
  for (let done = 0; done <= recording.fs.record.length; done++) {
    const seen = new Set<number>();
    const crashes: (Crash | "killed")[] = ["lost", "kept", "killed"];
    for (let subset = 0; subset < SUBSETS; subset++) crashes.push({ seed: number() });
    const states: State[] = crashes.map((crash) => ({ seed, done, partial: undefined, crash }));
    const next = recording.fs.record[done];
    if (next?.kind === "write" && next.bytes !== undefined && next.bytes.length > 0) {
      const some = Math.floor(random() * next.bytes.length);
      for (const crash of ["killed", { seed: number() }] as const) states.push({ seed, done, partial: some, crash });
      const all = next.bytes.length;
      for (const crash of ["killed", "kept", { seed: number() }] as const)
        states.push({ seed, done, partial: all, crash });
    }
    // What changes nothing gives no new state.
    if (done > 0 && !changes(recording.fs.record[done - 1])) states.length = 0;
    for (const state of states) {
      const fs = replay.rebuild(state);
      const digest = digestOf(fs) + (state.crash === "killed" ? 0.5 : 0);
      if (seen.has(digest)) continue;
      seen.add(digest);
      yield { state, fs };
    }
  }
}

export function rebuild(recording: Recording, state: State): MemoryFileSystem {
  return new Replay(recording).rebuild(state);
}

function changes(operation: Operation | undefined): boolean {
  return operation !== undefined && (operation.kind !== "open" || operation.mode === "create");
}

/** Does a record again, forwards only. */
class Replay {
  readonly #recording: Recording;
  readonly #disk = new MemoryDisk();
  readonly #files = new Map<MemoryFile, MemoryFile>();
  #done = 0;

  constructor(recording: Recording) {
    this.#recording = recording;
  }

  rebuild({ done, partial, crash }: State): MemoryFileSystem {
    const { fs, durableWrites } = this.#recording;
    for (const operation of fs.record.slice(this.#done, done)) this.#disk.redo(operation, this.#files);
    this.#done = done;
    let disk = this.#disk;
    const next = fs.record[done];
    if (partial !== undefined && next?.bytes !== undefined && next.file !== undefined) {
      const forked = disk.fork();
      const file = this.#files.get(next.file);
      const name = [...disk.names].find(([, entry]) => entry === file)?.[0];
      if (name !== undefined) forked.file(name).write(next.bytes.subarray(0, partial), next.position ?? 0);
      disk = forked;
    }
    return new MemoryFileSystem({ durableWrites }, crash === "killed" ? disk.fork() : disk.crash(crash));
  }
}

function digestOf(fs: MemoryFileSystem): number {
  let crc = 0;
  for (const [name, entry] of fs.entries()) {
    crc = crc32(name, crc);
    if (entry !== "directory") crc = crc32(entry.content(), crc);
  }
  return crc;
}
