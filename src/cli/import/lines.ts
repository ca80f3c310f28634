import { createHash, type Hash, hash } from "node:crypto";

/** The longest line, without its line break. Longer lines are refused, and never kept in memory. */
export const MAX_LINE_BYTES = 64 * 1024;

/** A position between two lines of an input. */
export interface Position {
  readonly lines: number;
  /** Of the unpacked input. */
  readonly bytes: number;
  /** The digest of all lines before it. */
  readonly digest: string;
}

export interface Line {
  /** The positions before and after this line. */
  readonly before: Position;
  readonly after: Position;
  /** Without the line break; undefined if too long. Valid until the next line is requested. */
  readonly bytes: Buffer | undefined;
  /** False for a last line without a line break, which may still grow. */
  readonly isTerminated: boolean;
}

const DIGEST_LENGTH = 20;
const SEED = "durable-hits-line-v1";
export const BEGINNING: Position = { lines: 0, bytes: 0, digest: SEED };

const [NEWLINE, RETURN] = [10, 13];
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * A splitter of an input into lines, each with a digest that also is its id: 120 bits of SHA-256 over the digest of the line
 * before it and its own bytes, as base64url. So a line keeps its id when the file grows or is renamed, and identical lines in
 * one file have different ones. Line breaks are `\n` or `\r\n`; neither the choice nor a byte order mark changes the id.
 */
export class LineSplitter {
  /** The digest of the previous line, then the bytes of this line so far. */
  readonly #held = Buffer.alloc(DIGEST_LENGTH + MAX_LINE_BYTES + 1);
  #length = 0;
  /** The hash of a line that is too long, so far. */
  #tooLong: { readonly hash: Hash; bytes: number } | undefined;
  #position = BEGINNING;

  constructor() {
    this.#held.write(SEED, 0, "latin1");
  }

  /** Yields the lines that end in this part of the input. */
  *push(chunk: Buffer): Generator<Line> {
    let start = 0;
    for (;;) {
      const newline = chunk.indexOf(NEWLINE, start);
      this.#append(chunk, start, newline === -1 ? chunk.length : newline);
      if (newline === -1) return;
      start = newline + 1;
      yield this.#finish(true);
    }
  }

  /** Returns a last line that has no line break. */
  end(): Line | undefined {
    return this.#length > 0 || this.#tooLong !== undefined ? this.#finish(false) : undefined;
  }

  #append(chunk: Buffer, start: number, end: number): void {
    const bytes = end - start;
    if (this.#tooLong === undefined && DIGEST_LENGTH + this.#length + bytes > this.#held.length) {
      const held = this.#held.subarray(0, DIGEST_LENGTH + this.#length);
      this.#tooLong = { hash: createHash("sha256").update(held), bytes: this.#length };
    }
    if (this.#tooLong !== undefined) {
      this.#tooLong.hash.update(chunk.subarray(start, end));
      this.#tooLong.bytes += bytes;
    } else {
      chunk.copy(this.#held, DIGEST_LENGTH + this.#length, start, end);
      this.#length += bytes;
    }
  }

  #finish(isTerminated: boolean): Line {
    const before = this.#position;
    const read = this.#tooLong?.bytes ?? this.#length;
    let [start, end] = [DIGEST_LENGTH, DIGEST_LENGTH + this.#length];
    let full: string;
    if (this.#tooLong !== undefined) full = this.#tooLong.hash.digest("base64url");
    else {
      if (end > start && this.#held[end - 1] === RETURN) end--;
      if (before.lines === 0 && this.#held.subarray(start, start + 3).equals(BYTE_ORDER_MARK) && end >= start + 3) {
        start += 3;
        this.#held.write(SEED, start - DIGEST_LENGTH, "latin1");
      }
      full = hash("sha256", this.#held.subarray(start - DIGEST_LENGTH, end), "base64url");
    }
    const isTooLong = this.#tooLong !== undefined || end - start > MAX_LINE_BYTES;
    const digest = full.slice(0, DIGEST_LENGTH);
    this.#position = {
      lines: before.lines + 1,
      bytes: before.bytes + read + (isTerminated ? 1 : 0),
      digest,
    };
    this.#length = 0;
    this.#tooLong = undefined;
    // Overwrites only the digest: the bytes of the line after it stay.
    this.#held.write(digest, 0, "latin1");
    return {
      before,
      after: this.#position,
      bytes: isTooLong ? undefined : this.#held.subarray(start, end),
      isTerminated,
    };
  }
}
