import { Worker } from "node:worker_threads";
import type { SnapshotJob, SnapshotOutcome } from "./snapshot-worker.js";

/** The thread that writes snapshots, one at a time. It starts with the first one and never keeps a process alive. */
export class SnapshotThread {
  #worker: Worker | undefined;

  /** Resolves once the snapshot is durable; rejects if it could not be written. */
  write(job: SnapshotJob): Promise<void> {
    const worker = this.#worker ?? this.#start();
    return new Promise((resolve, reject) => {
      const settle = (error: Error | undefined) => {
        worker.off("message", onMessage);
        worker.off("error", onError);
        worker.off("exit", onExit);
        worker.unref();
        if (error === undefined) resolve();
        else reject(error);
      };
      const onMessage = (outcome: SnapshotOutcome) => settle("error" in outcome ? new Error(outcome.error) : undefined);
      const onError = (error: Error) => settle(error);
      const onExit = () => settle(new Error("the snapshot thread ended"));
      worker.on("message", onMessage);
      worker.on("error", onError);
      worker.on("exit", onExit);
      worker.ref();
      worker.postMessage(job, [job.image.counts.buffer]);
    });
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = undefined;
  }

  #start(): Worker {
    // Needs the build: a thread started from TypeScript source has no loader for it.
    const worker = new Worker(new URL("./snapshot-worker.js", import.meta.url));
    worker.once("exit", () => {
      this.#worker = undefined;
    });
    this.#worker = worker;
    return worker;
  }
}
