import { Worker } from "node:worker_threads";
import type { FromProjector, ProjectorReport, ProjectorSetup } from "./messages.js";

/** A projection that failed for good tries once more from the log directory after so long. */
const RESTART_MS = 5000;

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
  #worker: Worker | undefined;
  #restart: NodeJS.Timeout | undefined;
  #stopping = false;

  /** `setup` is asked at each start. */
  constructor(setup: () => ProjectorSetup, events: ThreadEvents) {
    this.#setup = setup;
    this.#events = events;
  }

  /** Resolves once it has told all that is owed, or has failed to; never waits for the database. */
  start(): Promise<void> {
    return new Promise((resolve) => {
      // Needs the build: a thread started from TypeScript source has no loader for it.
      const worker = new Worker(new URL("./worker.js", import.meta.url), { workerData: this.#setup() });
      this.#worker = worker;
      worker.on("message", (message: FromProjector) => {
        if (message.type === "report") this.#events.onReport(message);
        else if (message.type === "ready") {
          this.#events.onReady();
          resolve();
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
    void worker.terminate();
    this.#events.onFailed(code, message);
    this.#restart = setTimeout(() => void this.start(), RESTART_MS);
    this.#restart.unref();
  }
}
