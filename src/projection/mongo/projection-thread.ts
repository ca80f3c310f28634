import { getHeapStatistics } from "node:v8";
import { Worker } from "node:worker_threads";
import type { FromProjector, ProjectorReport, ProjectorSetup } from "./messages.js";

/** A projection that failed for good tries once more from the log directory after so long. */
const RESTART_MS = 5000;
/**
 * It tells how it stands four times a second: one that has been silent for so many seconds hangs, or goes round in circles.
 * Seconds of this process, so that one that was stopped for a while takes nobody for dead.
 */
const SILENT_S = 15;
/** What the thread may take for itself, and for each counter that there may be: about three times what it needs. */
const HEAP_MIB = 384;
const HEAP_BYTES_BY_COUNTER = 1024;

export interface ThreadEvents {
  readonly onReport: (report: ProjectorReport) => void;
  /** All that is owed has been reported. */
  readonly onReady: () => void;
  /** The projection could not go on, and why; it is started anew a little later. */
  readonly onFailed: (code: string | undefined, message: string) => void;
}

/** Runs the MongoDB projection in a thread of its own, and starts it anew where it fails. */
export class ProjectionThread {
  readonly #setup: () => ProjectorSetup;
  readonly #events: ThreadEvents;
  readonly #heapMiB: number;
  #worker: Worker | undefined;
  #restart: NodeJS.Timeout | undefined;
  #watch: NodeJS.Timeout | undefined;
  #stopping = false;

  /** `setup` is asked at each start. */
  constructor(setup: () => ProjectorSetup, events: ThreadEvents, maxCounters: number) {
    this.#setup = setup;
    this.#events = events;
    this.#heapMiB = heapMiB(maxCounters);
  }

  /** Resolves once it has told all that is owed, or has failed to; never waits for the database. */
  start(): Promise<void> {
    return new Promise((resolve) => {
      // Needs the build: a thread started from TypeScript source has no loader for it.
      const worker = new Worker(new URL("./projection-worker.js", import.meta.url), {
        workerData: this.#setup(),
        // The driver can be made to fill all memory by an answer that is none. Without a limit of its own that ends the
        // process; with one it ends this thread.
        resourceLimits: { maxOldGenerationSizeMb: this.#heapMiB },
      });
      this.#worker = worker;
      let silent = 0;
      worker.on("message", (message: FromProjector) => {
        silent = 0;
        if (message.type === "report") this.#events.onReport(message);
        else if (message.type === "ready") {
          this.#events.onReady();
          resolve();
          // From now on only: before, it reads the log, for as long as that takes.
          this.#watch = setInterval(() => {
            if (++silent < SILENT_S) return;
            this.#failed(worker, undefined, `its thread has said nothing for ${SILENT_S} s`, resolve);
          }, 1000);
          this.#watch.unref();
        } else if (message.type === "failed") this.#failed(worker, message.code, message.message, resolve);
      });
      worker.on("error", (error) => this.#failed(worker, undefined, error.message, resolve));
      worker.on("exit", () => this.#failed(worker, undefined, "its thread ended", resolve));
    });
  }

  /** Stops it, flushed where the database answers; resolves within about `withinMs` and a second. */
  async stop(withinMs: number): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    clearInterval(this.#watch);
    const worker = this.#worker;
    if (worker === undefined) return;
    const stopped = new Promise<void>((resolve) => {
      worker.on("message", ({ type }: FromProjector) => {
        if (type === "stopped" || type === "failed") resolve();
      });
      worker.on("exit", () => resolve());
      setTimeout(resolve, withinMs + 1000).unref();
    });
    worker.postMessage({ type: "stop", withinMs });
    await stopped;
    await worker.terminate();
  }

  #failed(worker: Worker, code: string | undefined, message: string, resolve: () => void): void {
    resolve();
    if (this.#stopping || this.#worker !== worker) return;
    this.#worker = undefined;
    clearInterval(this.#watch);
    void worker.terminate();
    this.#events.onFailed(code, message);
    this.#restart = setTimeout(() => void this.start(), RESTART_MS);
    this.#restart.unref();
  }
}

/** Never more than the process as a whole was given. */
function heapMiB(maxCounters: number): number {
  const wanted = HEAP_MIB + (maxCounters * HEAP_BYTES_BY_COUNTER) / 2 ** 20;
  return Math.floor(Math.min(wanted, getHeapStatistics().heap_size_limit / 2 ** 20));
}
