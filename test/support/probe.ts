import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** Answers that an ordinary client got while something else ran. */
export interface Probed {
  readonly count: number;
  /** Answers that were no 2xx, and broken connections. */
  readonly errors: number;
  readonly p99Ms: number;
  /** Of the answer still waited for too. */
  readonly slowestMs: number;
}

/** An ordinary client that sends one hit after another to a URL until `stop`. */
export class Probe {
  readonly #worker: Worker;

  constructor(url: string, everyMs = 5) {
    // Without the loader of this process: it is plain JavaScript.
    const options = { workerData: { url, everyMs }, execArgv: [] };
    this.#worker = new Worker(new URL("./probe-worker.mjs", import.meta.url), options);
  }

  async stop(): Promise<Probed> {
    const answer = once(this.#worker, "message");
    this.#worker.postMessage("stop");
    const [probed] = (await answer) as [Probed];
    await this.#worker.terminate();
    return probed;
  }
}
