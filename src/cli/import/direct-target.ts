import type { Config, MongoSettings } from "../../config.js";
import { describeError, HitsError } from "../../errors.js";
import { withStore } from "../../maintenance/ask-mongodb.js";
import type { Client } from "../../model/access.js";
import type { Hit } from "../../model/hit.js";
import type { SnapshotSink } from "../../projection/local.js";
import { isDamaged, remoteCount } from "../../projection/mongo/document.js";
import type { CounterStore } from "../../projection/mongo/store.js";
import { writeSnapshot } from "../../projection/snapshot/snapshot.js";
import { View } from "../../projection/view.js";
import { Collector } from "../../server/collector.js";
import { type OpenLog, openLog } from "../../server/open-log.js";
import { LogDirectory } from "../../wal/log-directory.js";
import type { Recorded, Refusal, Target } from "./target.js";

/** Writes snapshots on this thread: no request waits for it. */
const INLINE_SNAPSHOTS: SnapshotSink = {
  write: async ({ directory, ...snapshot }) => {
    await writeSnapshot(new LogDirectory(directory), snapshot);
  },
  close: async () => undefined,
};

const OPERATOR: Client = { key: 0, standing: "operator" };

/** A target whose log this process writes itself, as the server would. */
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
    this.name = `the log in ${open.log.directory.path}`;
    this.logId = open.log.id;
  }

  /** Opens the log. Throws `LOG_LOCKED` if another process writes it, and all other errors that prevent a server from starting. */
  static async open(config: Config, warn: (message: string) => void): Promise<DirectTarget> {
    const log = (_: object, message: string) => warn(message);
    const open = await openLog({
      config,
      logger: { warn: log, error: log },
      snapshots: INLINE_SNAPSHOTS,
      // A failed write rejects for its caller.
      onFailure: () => undefined,
    });
    return new DirectTarget(open, config, warn);
  }

  async record(hits: readonly Hit[]): Promise<Recorded> {
    const refusals: Refusal[] = [];
    const group = this.#collector.group(OPERATOR);
    for (const [index, hit] of hits.entries()) {
      const refused = group.add(hit);
      if (refused !== undefined) refusals.push({ index, code: refused.code, detail: refused.message });
    }
    const { replayed } = await group.commit();
    return { replayed, refusals, unnamed: 0, maybeTwice: 0 };
  }

  async count(counter: string): Promise<number> {
    const { count } = this.#view.counter(counter);
    if (this.#mongodb === undefined) return count;
    // The view has no remote counts: no server has asked MongoDB.
    const { totals } = this.#open.local;
    const remote = await withStore(this.#mongodb, this.logId, (store) => readRemoteCount(store, this.logId, counter));
    return (totals?.count(counter) ?? 0) + remote;
  }

  async close(): Promise<void> {
    const { log, local } = this.#open;
    await log.drain();
    await local.snapshot().catch((error: unknown) => {
      this.#warn(`cannot write a snapshot (${describeError(error)}): the next start reads more of the log`);
    });
    await log.close();
  }
}

/** Resolves to the count of other logs, as MongoDB has it now. Throws `SERVER_UNAVAILABLE` if it does not answer. */
export async function readRemoteCount(
  store: Pick<CounterStore, "read">,
  logId: string,
  counter: string,
): Promise<number> {
  const unknown = (why: string) =>
    new HitsError(
      "SERVER_UNAVAILABLE",
      `the count of other logs is unknown: ${why}. Nothing was changed; try again, or unset MONGODB_URL if this is the only log`,
    );
  let found: Awaited<ReturnType<CounterStore["read"]>>;
  try {
    found = await store.read([counter]);
  } catch (error) {
    throw unknown(`MongoDB does not answer (${describeError(error)})`);
  }
  const document = found.get(counter);
  if (document === undefined) return 0;
  if (isDamaged(document)) throw unknown(`the counter's document is damaged (${document.reason})`);
  return remoteCount(document, logId);
}
