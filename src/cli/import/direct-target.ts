import type { Config, MongoSettings } from "../../config.js";
import { describeError } from "../../errors.js";
import type { Hit } from "../../model/hit.js";
import type { SnapshotSink } from "../../projection/local.js";
import { writeSnapshot } from "../../projection/snapshot/snapshot.js";
import { View } from "../../projection/view.js";
import { Collector } from "../../server/collector.js";
import { type OpenLog, openLog } from "../../server/open-log.js";
import { nodeFileSystem } from "../../wal/node-file-system.js";
import { countOfOtherLogs } from "./others.js";
import type { Refusal, Taken, Target } from "./target.js";

/** No request waits here: a snapshot needs no thread of its own. */
const SNAPSHOTS_HERE: SnapshotSink = {
  write: async ({ directory, facts, image, keys }) => {
    await writeSnapshot(nodeFileSystem, directory, facts, image, keys);
  },
  close: async () => undefined,
};

/** A log that this process writes itself, as the server would. */
export class DirectTarget implements Target {
  readonly name: string;
  readonly logId: string;
  readonly #open: OpenLog;
  readonly #collector: Collector;
  readonly #view: View;
  readonly #mongodb: MongoSettings | undefined;
  readonly #warn: (message: string) => void;

  private constructor(open: OpenLog, config: Config, warn: (message: string) => void) {
    this.#open = open;
    this.#warn = warn;
    this.#collector = new Collector(open.log, open.local, config);
    this.#mongodb = config.mongodb;
    this.#view = new View(open.local, undefined);
    this.name = `the log in ${open.log.directory}`;
    this.logId = open.log.id;
  }

  /** Throws `LOG_LOCKED` where another process writes it, and whatever else keeps a server from starting. */
  static async open(config: Config, warn: (message: string) => void): Promise<DirectTarget> {
    const say = (_: object, message: string) => warn(message);
    // A failed write is told to whoever waits for it.
    const open = await openLog({
      config,
      logger: { warn: say, error: say },
      snapshots: SNAPSHOTS_HERE,
      onFailure: () => undefined,
    });
    return new DirectTarget(open, config, warn);
  }

  async take(hits: readonly Hit[]): Promise<Taken> {
    const refusals: Refusal[] = [];
    const admission = this.#collector.admission();
    const admitted = hits.filter((hit, index) => {
      const refused = admission.refuse(hit);
      if (refused !== undefined) refusals.push({ index, code: refused.code, detail: refused.message });
      return refused === undefined;
    });
    const { replayed } = admitted.length === 0 ? { replayed: 0 } : await this.#collector.recordAll(admitted);
    return { replayed, refusals, unnamed: 0, maybeTwice: 0 };
  }

  async count(counter: string): Promise<number> {
    const { count } = this.#view.counter(counter);
    if (this.#mongodb === undefined) return count;
    // No server has asked lately.
    const { totals } = this.#open.local;
    const others = await countOfOtherLogs(this.#mongodb, this.logId, counter);
    return (totals?.count(counter) ?? 0) + others;
  }

  async close(): Promise<void> {
    const { log, local } = this.#open;
    await log.drain();
    await local.snapshot().catch((error: unknown) => {
      this.#warn(`a snapshot could not be written (${describeError(error)}): the next start reads more of the log`);
    });
    await log.close();
  }
}
