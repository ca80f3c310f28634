import { setImmediate as nextTurn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { slicesOf } from "../series/series-bytes.js";
import type { SnapshotJob, SnapshotMessage, SnapshotOutcome } from "./snapshot-worker.js";

/** To pass buffers to a thread takes a time that grows with the square of their number: half a millisecond for these. */
const BUFFERS_AT_ONCE = 1000;

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
      void this.#send(worker, job);
    });
  }

  /** Sends the days in slices: there may be tens of thousands of buffers, and to pass so many at once takes 50 ms and more. */
  async #send(worker: Worker, job: SnapshotJob): Promise<void> {
    const { days, ...series } = job.image.series;
    for (const slice of slicesOf(days, BUFFERS_AT_ONCE)) {
      worker.postMessage({ days: slice } satisfies SnapshotMessage);
      await nextTurn();
    }
    const image = { ...job.image, series: { ...series, days: [] } };
    worker.postMessage({ ...job, image } satisfies SnapshotMessage, [image.counts.buffer]);
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
