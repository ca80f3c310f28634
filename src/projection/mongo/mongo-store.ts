import { type Collection, type Db, Long, MongoClient, type MongoClientOptions } from "mongodb";
import { describeError, HitsError } from "../../errors.js";
import { type CounterDocument, type DamagedDocument, parseDocument, toInteger } from "./document.js";
import { CONFIRMED, type CounterRecord, DURABLE, MongoDocuments } from "./mongo-documents.js";
import { isDuplicate, withoutSecrets, withTimeLimit } from "./mongo-errors.js";
import {
  type ChangeCursor,
  type ChangedPage,
  type Checkpoint,
  type CounterStore,
  type ScanPage,
  type SlotUpdate,
  StoreError,
} from "./store.js";

/** The longest silence of a connection before it is given up, and the call that waits for it. */
const SILENCE_MS = 4000;

export interface MongoStoreOptions {
  readonly url: string;
  readonly database: string | undefined;
  readonly logId: string;
  /**
   * Called for every change of the server's state that the driver sees: after one, nothing seen before is certain.
   * `answers`: the server answers again.
   */
  readonly onChange: (answers: boolean) => void;
}

/** The store on a real MongoDB, or a server that speaks its protocol. */
export class MongoStore implements CounterStore {
  readonly #client: MongoClient;
  readonly series: MongoDocuments;
  readonly #counters: Collection<CounterRecord>;
  readonly #series: Collection<CounterRecord>;
  readonly #documents: MongoDocuments;
  readonly #checkpoints: Collection<CounterRecord>;
  readonly #logId: string;

  /** Connects at the first call. Throws if the URL can't be parsed; the message has no secrets. */
  constructor({ url, database, logId, onChange }: MongoStoreOptions) {
    this.#logId = logId;
    this.#client = new MongoClient(url, clientOptions());
    this.#client.on("serverDescriptionChanged", ({ previousDescription, newDescription }) => {
      const answers = newDescription.type !== "Unknown";
      // A member that stays away is no change: it must not make everything uncertain with each heartbeat.
      if (answers || previousDescription.type !== "Unknown") onChange(answers);
    });
    this.#client.on("connectionPoolCleared", () => onChange(false));
    const db: Db = this.#client.db(database ?? databaseName(url));
    this.#counters = db.collection<CounterRecord>("counters", CONFIRMED);
    this.#series = db.collection<CounterRecord>("series", CONFIRMED);
    const call = <T>(work: () => Promise<T>) => this.#call(work);
    this.#documents = new MongoDocuments(this.#counters, logId, call);
    this.series = new MongoDocuments(this.#series, logId, call);
    this.#checkpoints = db.collection<CounterRecord>("checkpoints", CONFIRMED);
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async prepare(): Promise<void> {
    await this.#call(() => this.#counters.createIndex({ updatedAt: 1, _id: 1 }));
    await this.#call(() => this.#series.createIndex({ counter: 1, day: 1 }));
  }

  read(names: readonly string[]): Promise<Map<string, CounterDocument | DamagedDocument>> {
    return this.#documents.read(names);
  }

  apply(updates: readonly SlotUpdate[]): Promise<boolean> {
    return this.#documents.apply(updates);
  }

  setSum(document: CounterDocument): Promise<void> {
    return this.#documents.setSum(document);
  }

  scan(after: string | undefined, limit: number): Promise<ScanPage> {
    return this.#documents.scan(after, limit);
  }

  async readCheckpoint(): Promise<Checkpoint | undefined> {
    const raw = await this.#call(() => this.#checkpoints.findOne({ _id: this.#logId }, CONFIRMED));
    if (raw === null) return undefined;
    const [offset, epoch, nonce] = [toInteger(raw["offset"]), toInteger(raw["epoch"]), raw["nonce"]];
    if (offset !== undefined && epoch !== undefined && typeof nonce === "string") return { offset, epoch, nonce };
    const message = `the document ${this.#logId} in the collection checkpoints can't be read: remove it, and all documents are read again`;
    throw new StoreError("transient", message);
  }

  async writeCheckpoint(seen: Checkpoint | undefined, next: Checkpoint): Promise<boolean> {
    const filter =
      seen === undefined
        ? { _id: this.#logId, nonce: { $exists: false } }
        : {
            _id: this.#logId,
            offset: Long.fromNumber(seen.offset),
            epoch: Long.fromNumber(seen.epoch),
            nonce: seen.nonce,
          };
    const update = {
      $set: { offset: Long.fromNumber(next.offset), epoch: Long.fromNumber(next.epoch), nonce: next.nonce },
      $currentDate: { updatedAt: true as const },
    };
    try {
      const options = { upsert: seen === undefined, ...DURABLE };
      const result = await this.#call(() => this.#checkpoints.updateOne(filter, update, options));
      return result.matchedCount + result.upsertedCount === 1;
    } catch (error) {
      if (isDuplicate(error)) return false;
      throw error;
    }
  }

  async changedSince(since: ChangeCursor, limit: number): Promise<ChangedPage> {
    const filter = { $or: [{ updatedAt: since.at, _id: { $gt: since.name } }, { updatedAt: { $gt: since.at } }] };
    const order = { updatedAt: 1, _id: 1 } as const;
    const raw = await this.#call(() => this.#counters.find(filter, CONFIRMED).sort(order).limit(limit).toArray());
    const last = raw.at(-1);
    const at = last?.["updatedAt"];
    const next = last !== undefined && at instanceof Date ? { at, name: last._id } : undefined;
    return { documents: raw.filter(({ _id }) => typeof _id === "string").map(parseDocument), next };
  }

  async hasOtherLogs(): Promise<boolean> {
    return (await this.#call(() => this.#checkpoints.findOne({ _id: { $ne: this.#logId } }, CONFIRMED))) !== null;
  }

  /** Connects first if need be: a client whose first connection failed stays closed and does not retry. */
  #call<T>(work: () => Promise<T>): Promise<T> {
    return withTimeLimit(this.#client.connect().then(work));
  }
}

/** Throws `INVALID_SETTING`, without its secrets, for a URL that the driver can't parse. Does not connect. */
export function checkMongoUrl(url: string): void {
  try {
    void new MongoClient(url, clientOptions()).close();
    databaseName(url);
  } catch (error) {
    const why = withoutSecrets(describeError(error));
    throw new HitsError("INVALID_SETTING", `MONGODB_URL must be a URL that the MongoDB driver understands (${why})`);
  }
}

/** The options of every connection, which the URL can't change. */
export function clientOptions(): MongoClientOptions {
  return {
    appName: "durable-hits",
    socketTimeoutMS: SILENCE_MS,
    waitQueueTimeoutMS: SILENCE_MS,
    serverSelectionTimeoutMS: 2000,
    connectTimeoutMS: 2000,
    // The longest until a server that is back is noticed.
    heartbeatFrequencyMS: 500,
    // Every write is a compare-and-set that the projection itself repeats, after reading the document again.
    retryWrites: false,
    retryReads: false,
    useBigInt64: true,
    maxPoolSize: 8,
    writeConcern: { w: "majority", journal: true },
    readConcern: { level: "majority" },
    readPreference: "primary",
  };
}

/** Returns the database in the URL's path; `hits` without one. */
export function databaseName(url: string): string {
  const path = /^mongodb(?:\+srv)?:\/\/[^/]+\/([^?]+)/.exec(url)?.[1];
  return path === undefined ? "hits" : decodeURIComponent(path);
}
