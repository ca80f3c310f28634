import type { Writable } from "node:stream";
import { SingleBar } from "cli-progress";
import { humanBytes } from "../../model/text.js";
import { grouped, printableLine } from "./text.js";

/** Without a terminal, a progress line is written no more often. */
const LINE_EVERY_MS = 5000;

/** Progress and messages of a long command, on standard error. */
export interface ProgressView {
  /** Sets the bytes and lines that are done; of gzipped input the bytes before unpacking. */
  update(bytes: number, lines: number): void;
  /** Writes a message on a line of its own, with control characters escaped. */
  print(text: string): void;
  stop(): void;
}

export interface ProgressOptions {
  readonly stderr: Writable & { readonly isTTY?: boolean };
  /** Undefined if unknown. */
  readonly totalBytes: number | undefined;
  readonly quiet: boolean;
}

/** Returns a bar on a terminal, else lines at intervals; neither if `quiet`. */
export function progressView({ stderr, totalBytes, quiet }: ProgressOptions): ProgressView {
  const print = (text: string) => void stderr.write(`${printableLine(text)}\n`);
  if (quiet) return { update: () => undefined, print, stop: () => undefined };
  return stderr.isTTY === true ? new Bar(stderr, totalBytes) : new Lines(print, totalBytes);
}

class Rate {
  readonly #startedAt = performance.now();

  /** Returns the lines per second since the start. */
  of(lines: number): number {
    return Math.round(lines / Math.max(0.001, (performance.now() - this.#startedAt) / 1000));
  }
}

class Bar implements ProgressView {
  readonly #bar: SingleBar;
  readonly #stderr: Writable;
  readonly #rate = new Rate();

  constructor(stderr: Writable, totalBytes: number | undefined) {
    this.#stderr = stderr;
    const known = "{bar} {percentage}% | {lines} lines | {rate} lines/s | ETA {eta_formatted}";
    this.#bar = new SingleBar({
      stream: stderr,
      format: totalBytes === undefined ? "{lines} lines | {read} | {rate} lines/s" : known,
      barCompleteChar: "█",
      barIncompleteChar: "░",
      barsize: 30,
      etaBuffer: 200,
      clearOnComplete: true,
      // The command handles Ctrl-C itself: it ends between two batches.
      gracefulExit: false,
    });
    this.#bar.start(totalBytes ?? 0, 0, { lines: "0", read: "0 B", rate: "0" });
  }

  update(bytes: number, lines: number): void {
    this.#bar.update(bytes, { lines: grouped(lines), read: humanBytes(bytes), rate: grouped(this.#rate.of(lines)) });
  }

  print(text: string): void {
    // Overwrites the bar, which is redrawn on the next line.
    this.#stderr.write(`\r\u001b[K${printableLine(text)}\n`);
  }

  stop(): void {
    if (this.#bar.isActive) this.#bar.stop();
  }
}

class Lines implements ProgressView {
  readonly print: (text: string) => void;
  readonly #totalBytes: number | undefined;
  readonly #rate = new Rate();
  #printedAt = performance.now();

  constructor(print: (text: string) => void, totalBytes: number | undefined) {
    this.print = print;
    this.#totalBytes = totalBytes;
  }

  update(bytes: number, lines: number): void {
    const now = performance.now();
    if (now - this.#printedAt < LINE_EVERY_MS) return;
    this.#printedAt = now;
    const total = this.#totalBytes;
    const part = total === undefined || total === 0 ? humanBytes(bytes) : `${Math.floor((100 * bytes) / total)}%`;
    this.print(`${grouped(lines)} lines read, ${part}, ${grouped(this.#rate.of(lines))} lines/s`);
  }

  stop(): void {}
}
