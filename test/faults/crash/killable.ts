import type { FileSystem, OpenFile, OpenMode } from "../../../src/wal/file-system.js";

/** One process's view of a file system: it can be killed, and nothing that it asked for ever comes back then. */
export class Killable implements FileSystem {
  readonly #fs: FileSystem;
  #left = Number.POSITIVE_INFINITY;
  #isDead = false;
  #died: () => void = () => undefined;
  readonly died = new Promise<void>((resolve) => {
    this.#died = resolve;
  });

  constructor(fs: FileSystem) {
    this.#fs = fs;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  kill(): void {
    this.#isDead = true;
    this.#died();
  }

  /** Kills it right after so many operations more: done, and not known to be done. */
  killAfter(operations: number): void {
    this.#left = operations;
  }

  async open(path: string, mode: OpenMode): Promise<OpenFile> {
    const file = await this.#do(() => this.#fs.open(path, mode));
    return {
      writesAreDurable: file.writesAreDurable,
      read: (...call) => this.#do(() => file.read(...call)),
      write: (...call) => this.#do(() => file.write(...call)),
      sync: () => this.#do(() => file.sync()),
      truncate: (size) => this.#do(() => file.truncate(size)),
      size: () => this.#do(() => file.size()),
      close: () => this.#do(() => file.close()),
    };
  }

  list(directory: string): Promise<string[]> {
    return this.#do(() => this.#fs.list(directory));
  }

  makeDirectory(directory: string): Promise<void> {
    return this.#do(() => this.#fs.makeDirectory(directory));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#do(() => this.#fs.rename(from, to));
  }

  unlink(path: string): Promise<void> {
    return this.#do(() => this.#fs.unlink(path));
  }

  syncDirectory(directory: string): Promise<void> {
    return this.#do(() => this.#fs.syncDirectory(directory));
  }

  async #do<T>(operation: () => Promise<T>): Promise<T> {
    const never = () => new Promise<T>(() => undefined);
    if (this.#isDead) return never();
    const result = operation();
    // Waited for in any case, so that an error of a killed process is nobody's.
    const outcome = await result.then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    if (--this.#left <= 0) this.kill();
    if (this.#isDead) return never();
    if ("error" in outcome) throw outcome.error;
    return outcome.value;
  }
}
