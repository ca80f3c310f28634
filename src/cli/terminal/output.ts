import type { Writable } from "node:stream";
import { systemCode } from "../../errors.js";

/** Whoever read the output has gone (`| head`): nothing is left to do, and nothing went wrong. */
export class OutputClosed extends Error {}

/** The result goes out in pieces of about so many characters. */
const PIECE = 64 * 1024;
const GONE = new Set(["EPIPE", "ERR_STREAM_DESTROYED", "ERR_STREAM_WRITE_AFTER_END", "ECONNRESET"]);

/**
 * Where a command's results go, and apart from them what is wrong. Results wait for whoever reads them, so that a slow
 * reader never makes them pile up in memory.
 */
export class Output {
  readonly #results: Writable;
  readonly #complaints: Writable;
  #waiting: string[] = [];
  #waitingLength = 0;

  constructor(results: Writable, complaints: Writable) {
    this.#results = results;
    this.#complaints = complaints;
    // Errors are taken where they are written; without these they would end the process.
    results.on("error", () => undefined);
    complaints.on("error", () => undefined);
  }

  /** Takes a part of the result. True: enough of them wait, and `flush` is to be awaited before the next. */
  put(text: string): boolean {
    this.#waiting.push(text);
    this.#waitingLength += text.length;
    return this.#waitingLength >= PIECE;
  }

  /** As `put`, for a line. */
  line(text: string): boolean {
    return this.put(`${text}\n`);
  }

  /** Writes what waits; resolves once it is taken. Throws `OutputClosed`, or why it could not be written. */
  async flush(): Promise<void> {
    if (this.#waiting.length === 0) return;
    const text = this.#waiting.join("");
    this.#waiting = [];
    this.#waitingLength = 0;
    await this.#write(text);
  }

  /** Lines, one after another, all written when this resolves. */
  async lines(texts: Iterable<string>): Promise<void> {
    for (const text of texts) if (this.line(text)) await this.flush();
    await this.flush();
  }

  /** One JSON document on a line of its own. */
  async json(value: unknown): Promise<void> {
    await this.lines([JSON.stringify(value)]);
  }

  /** Something that is wrong, or to be known besides the result: a line on standard error. */
  complain(text: string): void {
    this.#complaints.write(`${text}\n`);
  }

  #write(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#results.write(text, (error) => {
        if (error === undefined || error === null) resolve();
        else reject(GONE.has(systemCode(error) ?? "") ? new OutputClosed() : error);
      });
    });
  }
}
