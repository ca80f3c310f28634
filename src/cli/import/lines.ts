import { createHash, type Hash, hash } from "node:crypto";

/** Longer lines are refused, and never held in memory. The line break is not counted. */
export const MAX_LINE_BYTES = 64 * 1024;

/** A place between two lines of an input. */
export interface Position {
  readonly lines: number;
  /** Of the input as unpacked. */
  readonly bytes: number;
  /** What all lines before it amount to. */
  readonly digest: string;
}

export interface Line {
  /** The place in front of this line, and the one behind it. */
  readonly before: Position;
  readonly after: Position;
  /** Without the line break; undefined where it is too long. Lasts until the next line is asked for. */
  readonly bytes: Buffer | undefined;
  /** False for a last line without a line break: more of it may be to come. */
  readonly isTerminated: boolean;
}

const DIGEST_LENGTH = 20;
const SEED = "durable-hits-line-v1";
export const BEGINNING: Position = { lines: 0, bytes: 0, digest: SEED };

const [NEWLINE, RETURN] = [10, 13];
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Cuts an input into lines, and gives each a digest that is its id too: 120 bits of SHA-256 over the digest of the line
 * before it and its own bytes, as base64url. So a line has the same id in the same file, in the file once it has grown,
 * and under any other name; identical lines in one file have different ones. Line breaks are `\n` or `\r\n`, and which of
 * them does not matter; neither does a byte order mark.
 */
export class LineSplitter {
  /** The digest of the line before, then the bytes of this line so far. */
  readonly #held = Buffer.alloc(DIGEST_LENGTH + MAX_LINE_BYTES + 1);
  #length = 0;
  /** What is hashed of a line that is too long. */
  #long: { readonly hash: Hash; bytes: number } | undefined;
  #position = BEGINNING;

  constructor() {
    this.#held.write(SEED, 0, "latin1");
  }

  /** The lines that end in this part of the input. */
  *push(chunk: Buffer): Generator<Line> {
    let start = 0;
    for (;;) {
      const newline = chunk.indexOf(NEWLINE, start);
      this.#hold(chunk, start, newline === -1 ? chunk.length : newline);
      if (newline === -1) return;
      start = newline + 1;
      yield this.#finish(true);
    }
  }

  /** The last line, where no line break ends it. */
  end(): Line | undefined {
    return this.#length > 0 || this.#long !== undefined ? this.#finish(false) : undefined;
  }

  #hold(chunk: Buffer, start: number, end: number): void {
    const bytes = end - start;
    if (this.#long === undefined && DIGEST_LENGTH + this.#length + bytes > this.#held.length) {
      const held = this.#held.subarray(0, DIGEST_LENGTH + this.#length);
      this.#long = { hash: createHash("sha256").update(held), bytes: this.#length };
    }
    if (this.#long !== undefined) {
      this.#long.hash.update(chunk.subarray(start, end));
      this.#long.bytes += bytes;
    } else {
      chunk.copy(this.#held, DIGEST_LENGTH + this.#length, start, end);
      this.#length += bytes;
    }
  }

  #finish(isTerminated: boolean): Line {
    const before = this.#position;
    const read = this.#long?.bytes ?? this.#length;
    let [start, end] = [DIGEST_LENGTH, DIGEST_LENGTH + this.#length];
    let full: string;
    if (this.#long !== undefined) full = this.#long.hash.digest("base64url");
    else {
      if (end > start && this.#held[end - 1] === RETURN) end--;
      if (before.lines === 0 && this.#held.subarray(start, start + 3).equals(BYTE_ORDER_MARK) && end >= start + 3) {
        start += 3;
        this.#held.write(SEED, start - DIGEST_LENGTH, "latin1");
      }
      full = hash("sha256", this.#held.subarray(start - DIGEST_LENGTH, end), "base64url");
    }
    const isTooLong = this.#long !== undefined || end - start > MAX_LINE_BYTES;
    const digest = full.slice(0, DIGEST_LENGTH);
    this.#position = {
      lines: before.lines + 1,
      bytes: before.bytes + read + (isTerminated ? 1 : 0),
      digest,
    };
    this.#length = 0;
    this.#long = undefined;
    // The bytes of the line lie behind it, and stay.
    this.#held.write(digest, 0, "latin1");
    return {
      before,
      after: this.#position,
      bytes: isTooLong ? undefined : this.#held.subarray(start, end),
      isTerminated,
    };
  }
}
