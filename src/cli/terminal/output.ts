import type { Writable } from "node:stream";
import { systemCode } from "../../errors.js";
import { printableLine, printableText } from "./text.js";

/** The reader has closed the output (`| head`): nothing is left to do, and nothing went wrong. */
export class OutputClosed extends Error {}

/** Results are written in pieces of about this many characters. */
const PIECE = 64 * 1024;
const GONE = new Set(["EPIPE", "ERR_STREAM_DESTROYED", "ERR_STREAM_WRITE_AFTER_END", "ECONNRESET"]);

/**
 * The results of a command, and apart from them its messages. Writing waits for the reader, so that results never pile up in
 * memory for a slow one.
 */
export class Output {
  readonly #results: Writable;
  readonly #messages: Writable;
  #waiting: string[] = [];
  #waitingLength = 0;

  constructor(results: Writable, messages: Writable) {
    this.#results = results;
    this.#messages = messages;
    // Errors are handled where results are written; without these listeners they would end the process.
    results.on("error", () => undefined);
    messages.on("error", () => undefined);
  }

  /** Adds a part of the result as it is. True: a piece is full, and `flush` must be awaited before the next part. */
  add(text: string): boolean {
    this.#waiting.push(text);
    this.#waitingLength += text.length;
    return this.#waitingLength >= PIECE;
  }

  /** Adds a line, as `add` does, with what would control a terminal escaped. */
  addLine(text: string): boolean {
    return this.add(`${printableText(text)}\n`);
  }

  /** Writes the buffered parts; resolves once the stream has accepted them. Throws `OutputClosed`, or the stream's error. */
  async flush(): Promise<void> {
    if (this.#waiting.length === 0) return;
    const text = this.#waiting.join("");
    this.#waiting = [];
    this.#waitingLength = 0;
    await this.#write(text);
  }

  /** Writes lines; resolves once all are written. */
  async writeLines(texts: Iterable<string>): Promise<void> {
    for (const text of texts) if (this.addLine(text)) await this.flush();
    await this.flush();
  }

  /** Writes a JSON document on a line of its own. */
  async writeJson(value: unknown): Promise<void> {
    await this.writeLines([JSON.stringify(value)]);
  }

  /** Writes a message that is not part of the result: a line on standard error, with control characters escaped. */
  writeMessage(text: string): void {
    this.#messages.write(`${printableLine(text)}\n`);
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
