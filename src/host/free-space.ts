import { statfs } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** An answer is used for so long. */
const FRESH_MS = 5000;
/** The caller must not hang with a disk that hangs. */
const TIMEOUT_MS = 500;

/** The part of `statfs` that is used. */
export type ReadVolume = (directory: string) => Promise<{ readonly bavail: number; readonly bsize: number }>;

/** The free space of the volume that a directory is on, measured at most every few seconds. */
export class FreeSpace {
  readonly #directory: string;
  readonly #readVolume: ReadVolume;
  #bytes: number | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;

  constructor(directory: string, readVolume: ReadVolume = statfs) {
    this.#directory = directory;
    this.#readVolume = readVolume;
  }

  /** Resolves to the bytes that an unprivileged process may still use; undefined if the volume does not answer in time. */
  async bytes(): Promise<number | undefined> {
    if (performance.now() - this.#askedAt < FRESH_MS) return this.#bytes;
    // One call at a time: each that hangs holds a thread that the log needs.
    this.#asking ??= this.#ask();
    const answered = this.#asking.then(() => true);
    const waited = sleep(TIMEOUT_MS, false, { ref: false });
    return (await Promise.race([answered, waited])) ? this.#bytes : undefined;
  }

  async #ask(): Promise<void> {
    try {
      const { bavail, bsize } = await this.#readVolume(this.#directory);
      this.#bytes = bavail * bsize;
    } catch {
      this.#bytes = undefined;
    }
    this.#askedAt = performance.now();
    this.#asking = undefined;
  }
}
