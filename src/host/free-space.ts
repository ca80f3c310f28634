import { statfs } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** So long an answer is good. */
const FRESH_MS = 5000;
/** A disk that hangs must not make whoever asks hang with it. */
const PATIENCE_MS = 500;

/** The part of `statfs` that counts. */
export type ReadVolume = (directory: string) => Promise<{ readonly bavail: number; readonly bsize: number }>;

/** How much room the volume of a directory has left, asked at most every few seconds. */
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

  /** Bytes that a process without privileges may still use; undefined where the volume does not say so soon. */
  async bytes(): Promise<number | undefined> {
    if (performance.now() - this.#askedAt < FRESH_MS) return this.#bytes;
    // One at a time: each that hangs takes a thread that the log needs.
    this.#asking ??= this.#ask();
    const answered = this.#asking.then(() => true);
    const waited = sleep(PATIENCE_MS, false, { ref: false });
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
