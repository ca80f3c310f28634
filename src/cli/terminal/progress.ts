import type { Writable } from "node:stream";
import { SingleBar } from "cli-progress";
import { humanBytes } from "../../model/text.js";
import { grouped } from "./text.js";

/** Where nobody looks at a terminal, it is said no more often how far an import has come. */
const LINE_EVERY_MS = 5000;

/** Shows on standard error how far an import has come, and what is to be known besides. */
export interface ProgressView {
  /** Bytes of the input as it is packed, and lines. */
  update(bytes: number, lines: number): void;
  /** A line of its own. */
  say(message: string): void;
  stop(): void;
}

export interface ProgressOptions {
  readonly stderr: Writable & { readonly isTTY?: boolean };
  /** Undefined where it is not known. */
  readonly totalBytes: number | undefined;
  readonly quiet: boolean;
}

/** A bar on a terminal, else a line now and then; neither where quiet. */
export function progressView({ stderr, totalBytes, quiet }: ProgressOptions): ProgressView {
  const say = (message: string) => void stderr.write(`${message}\n`);
  if (quiet) return { update: () => undefined, say, stop: () => undefined };
  return stderr.isTTY === true ? new Bar(stderr, totalBytes) : new Lines(say, totalBytes);
}

class Rate {
  readonly #startedAt = performance.now();

  /** Lines a second since the start. */
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
      // Ctrl-C is the import's own business: it ends between two batches.
      gracefulExit: false,
    });
    this.#bar.start(totalBytes ?? 0, 0, { lines: "0", read: "0 B", rate: "0" });
  }

  update(bytes: number, lines: number): void {
    this.#bar.update(bytes, { lines: grouped(lines), read: humanBytes(bytes), rate: grouped(this.#rate.of(lines)) });
  }

  say(message: string): void {
    // Over the bar, which is drawn anew below.
    this.#stderr.write(`\r\u001b[K${message}\n`);
  }

  stop(): void {
    if (this.#bar.isActive) this.#bar.stop();
  }
}

class Lines implements ProgressView {
  readonly say: (message: string) => void;
  readonly #totalBytes: number | undefined;
  readonly #rate = new Rate();
  #saidAt = performance.now();

  constructor(say: (message: string) => void, totalBytes: number | undefined) {
    this.say = say;
    this.#totalBytes = totalBytes;
  }

  update(bytes: number, lines: number): void {
    const now = performance.now();
    if (now - this.#saidAt < LINE_EVERY_MS) return;
    this.#saidAt = now;
    const total = this.#totalBytes;
    const part = total === undefined || total === 0 ? humanBytes(bytes) : `${Math.floor((100 * bytes) / total)}%`;
    this.say(`${grouped(lines)} lines read, ${part}, ${grouped(this.#rate.of(lines))} lines/s`);
  }

  stop(): void {}
}
