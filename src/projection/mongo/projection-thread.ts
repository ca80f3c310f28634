import { getHeapStatistics } from "node:v8";
import { Worker } from "node:worker_threads";
import type { FromProjector, ProjectorReport, ProjectorSetup } from "./messages.js";

/** Time until a projection that failed restarts from the log directory. */
const RESTART_MS = 5000;
/**
 * The thread reports four times a second: after so many seconds without a report it hangs or loops. Counted in ticks of
 * this process, so that a process that was stopped for a while does not take its thread for dead.
 */
const SILENT_S = 15;
/** Heap of the thread: a base, and a share for each counter that there may be; about three times what it needs. */
const HEAP_MIB = 384;
const HEAP_BYTES_BY_COUNTER = 1024;

export interface ThreadEvents {
  readonly onReport: (report: ProjectorReport) => void;
  /** Everything owed has been reported. */
  readonly onReady: () => void;
  /** The projection failed, with the reason; it restarts a little later. */
  readonly onFailed: (code: string | undefined, message: string) => void;
}

/** The thread of the MongoDB projection: restarted when it fails. */
export class ProjectionThread {
  readonly #setup: () => ProjectorSetup;
  readonly #events: ThreadEvents;
  readonly #heapMiB: number;
  #worker: Worker | undefined;
  #restart: NodeJS.Timeout | undefined;
  #watch: NodeJS.Timeout | undefined;
  #stopping = false;

  /** `setup` is called at each start. */
  constructor(setup: () => ProjectorSetup, events: ThreadEvents, maxCounters: number) {
    this.#setup = setup;
    this.#events = events;
    this.#heapMiB = heapMiB(maxCounters);
  }

  /** Resolves once everything owed has been reported, or the thread has failed; never waits for the database. */
  start(): Promise<void> {
    return new Promise((resolve) => {
      // Needs the build: a thread started from TypeScript source has no loader for it.
      const worker = new Worker(new URL("./projection-worker.js", import.meta.url), {
        workerData: this.#setup(),
        // A malformed answer can make the driver fill all memory. Without a limit for the thread that ends the process;
        // with one it ends the thread.
        resourceLimits: { maxOldGenerationSizeMb: this.#heapMiB },
      });
      this.#worker = worker;
      const fail = (message: string, code?: string) => {
        resolve();
        this.#fail(worker, message, code);
      };
      let silent = 0;
      worker.on("message", (message: FromProjector) => {
        silent = 0;
        if (message.type === "report") this.#events.onReport(message);
        else if (message.type === "ready") {
          this.#events.onReady();
          resolve();
          // Not before: until now it has read the log, however long that took.
          this.#watch = setInterval(() => {
            if (++silent < SILENT_S) return;
            fail(`its thread has reported nothing for ${SILENT_S} s`);
          }, 1000);
          this.#watch.unref();
        } else if (message.type === "failed") fail(message.message, message.code);
      });
      worker.on("error", (error) => fail(error.message));
      worker.on("exit", () => fail("its thread ended"));
    });
  }

  /** Stops the thread, flushed if the database answers; resolves within about `withinMs` and a second. */
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

  #fail(worker: Worker, message: string, code: string | undefined): void {
    if (this.#stopping || this.#worker !== worker) return;
    this.#worker = undefined;
    clearInterval(this.#watch);
    void worker.terminate();
    this.#events.onFailed(code, message);
    this.#restart = setTimeout(() => void this.start(), RESTART_MS);
    this.#restart.unref();
  }
}

/** At most what the whole process was given. */
function heapMiB(maxCounters: number): number {
  const wanted = HEAP_MIB + (maxCounters * HEAP_BYTES_BY_COUNTER) / 2 ** 20;
  return Math.floor(Math.min(wanted, getHeapStatistics().heap_size_limit / 2 ** 20));
}
