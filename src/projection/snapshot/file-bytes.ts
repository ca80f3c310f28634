import type { OpenFile } from "../../wal/file-system.js";
import { readFully } from "../../wal/whole-file.js";

const AHEAD_BYTES = 256 * 1024;

/** A range of a file's bytes, read in order, and a little ahead for those who ask for few at a time. */
export class FileBytes {
  readonly #file: OpenFile;
  readonly #end: number;
  readonly #ahead = Buffer.alloc(AHEAD_BYTES);
  #buffered = Buffer.alloc(0);
  /** Where the buffered bytes end in the file. */
  #position: number;

  constructor(file: OpenFile, start: number, end: number) {
    this.#file = file;
    this.#position = start;
    this.#end = end;
  }

  /** Number of bytes that were not read yet. */
  get left(): number {
    return this.#buffered.length + this.#end - this.#position;
  }

  /** Fills `target` with the next bytes, of which there must be enough. */
  async fill(target: Uint8Array): Promise<void> {
    if (target.length > this.left) throw new RangeError(`${target.length} bytes wanted, ${this.left} left`);
    let filled = this.#take(target);
    if (target.length - filled >= AHEAD_BYTES) filled += await this.#read(target.subarray(filled));
    while (filled < target.length) {
      this.#buffered = this.#ahead.subarray(0, Math.min(AHEAD_BYTES, this.#end - this.#position));
      await this.#read(this.#buffered);
      filled += this.#take(target.subarray(filled));
    }
  }

  #take(target: Uint8Array): number {
    const bytes = this.#buffered.subarray(0, target.length);
    target.set(bytes);
    this.#buffered = this.#buffered.subarray(bytes.length);
    return bytes.length;
  }

  async #read(target: Uint8Array): Promise<number> {
    const count = await readFully(this.#file, target, this.#position);
    if (count < target.length) throw new RangeError("the file has become shorter while it was read");
    this.#position += count;
    return count;
  }
}
