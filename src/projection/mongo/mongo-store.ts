import {
  type Collection,
  type Db,
  type Document,
  Long,
  MongoBulkWriteError,
  MongoClient,
  type MongoClientOptions,
  MongoError,
  MongoServerError,
} from "mongodb";
import { describeError, HitsError } from "../../errors.js";
import { type CounterDocument, type DamagedDocument, judgeDocument, sumOfSlots, wholeNumber } from "./document.js";
import {
  type Changed,
  type ChangedSince,
  type Checkpoint,
  type CounterStore,
  type Scanned,
  type SlotUpdate,
  StoreError,
} from "./store.js";

/** A connection on which nothing comes for so long is given up, and with it the call that waits there. */
const SILENCE_MS = 4000;
/** No call waits longer than this, whatever the server does: choosing it, connecting and waiting for the answer. */
const CALL_MS = 8000;
const DUPLICATE_KEY = 11000;
const UNAUTHORIZED = new Set([13, 18, 8000]);
/** Server errors that another try may well not meet: a new primary, a shutdown, a time-out, a write concern not met. */
const TRANSIENT = new Set([
  6, 7, 43, 50, 63, 64, 89, 91, 100, 112, 133, 134, 150, 189, 234, 262, 317, 358, 384, 9001, 10058, 10107, 11600, 11602,
  13388, 13435, 13436, 14031,
]);

interface CounterRecord extends Document {
  readonly _id: string;
}

/** Settings that the URL can't weaken: a write is acknowledged once a majority has it in its journal. */
const DURABLE = { writeConcern: { w: "majority", journal: true } } as const;
const CONFIRMED = { readConcern: { level: "majority" }, readPreference: "primary" } as const;

export interface MongoStoreOptions {
  readonly url: string;
  readonly database: string | undefined;
  readonly logId: string;
  /**
   * Told of every change of the server's state that the driver sees: after one, nothing seen before is certain. `answers`:
   * whether it is one that answers again.
   */
  readonly onChange: (answers: boolean) => void;
}

/** The store on a real MongoDB, or a server that speaks its protocol. */
export class MongoStore implements CounterStore {
  readonly #client: MongoClient;
  readonly #counters: Collection<CounterRecord>;
  readonly #checkpoints: Collection<CounterRecord>;
  readonly #logId: string;

  /** Connects when first used. Throws where the URL can't be parsed; the message holds no secret. */
  constructor({ url, database, logId, onChange }: MongoStoreOptions) {
    this.#logId = logId;
    this.#client = new MongoClient(url, clientOptions());
    this.#client.on("serverDescriptionChanged", ({ newDescription }) => onChange(newDescription.type !== "Unknown"));
    this.#client.on("connectionPoolCleared", () => onChange(false));
    this.#client.on("serverHeartbeatFailed", () => onChange(false));
    const db: Db = this.#client.db(database ?? databaseOf(url));
    this.#counters = db.collection<CounterRecord>("counters", CONFIRMED);
    this.#checkpoints = db.collection<CounterRecord>("checkpoints", CONFIRMED);
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async prepare(): Promise<void> {
    await bounded(this.#counters.createIndex({ updatedAt: 1, _id: 1 }));
  }

  async read(names: readonly string[]): Promise<Map<string, CounterDocument | DamagedDocument>> {
    const documents = await bounded(this.#counters.find({ _id: { $in: [...names] } }, CONFIRMED).toArray());
    return new Map(documents.map(judgeDocument).map((document) => [document.name, document]));
  }

  async apply(updates: readonly SlotUpdate[]): Promise<boolean> {
    const slot = `logs.${this.#logId}`;
    const operations = updates.map(({ name, seen, next }) => {
      const isNew = seen === "absent" || seen === "no document";
      const difference = Long.fromNumber(next.count - (isNew ? 0 : seen.count));
      return {
        updateOne: {
          filter: isNew
            ? { _id: name, [slot]: { $exists: false } }
            : {
                _id: name,
                [`${slot}.offset`]: Long.fromNumber(seen.offset),
                [`${slot}.count`]: Long.fromNumber(seen.count),
              },
          update: {
            $inc: { count: difference, [`${slot}.count`]: difference },
            $set: { [`${slot}.offset`]: Long.fromNumber(next.offset) },
            $currentDate: { updatedAt: true as const },
          },
          // Only where no document was seen: a filter on a slot would else make a second one.
          upsert: seen === "no document",
        },
      };
    });
    try {
      const result = await bounded(this.#counters.bulkWrite(operations, { ordered: false, ...DURABLE }));
      return result.matchedCount + result.upsertedCount === updates.length;
    } catch (error) {
      throwUnlessRefused(error);
      const refused = refusedDocuments(error, updates);
      if (refused.size > 0) throw new StoreError("documents", "the server refused single documents", refused);
      return false;
    }
  }

  async setSum(document: CounterDocument): Promise<void> {
    const filter: Record<string, unknown> = { _id: document.name, count: Long.fromNumber(document.count) };
    for (const [logId, slot] of document.slots) {
      filter[`logs.${logId}.offset`] = Long.fromNumber(slot.offset);
      filter[`logs.${logId}.count`] = Long.fromNumber(slot.count);
    }
    const update = {
      $set: { count: Long.fromNumber(sumOfSlots(document)) },
      $currentDate: { updatedAt: true as const },
    };
    // A miss is fine: whoever changed it is followed by another look.
    await bounded(this.#counters.updateOne(filter, update, DURABLE));
  }

  async readCheckpoint(): Promise<Checkpoint | undefined> {
    const raw = await bounded(this.#checkpoints.findOne({ _id: this.#logId }, CONFIRMED));
    if (raw === null) return undefined;
    const [offset, epoch, nonce] = [wholeNumber(raw["offset"]), wholeNumber(raw["epoch"]), raw["nonce"]];
    if (offset !== undefined && epoch !== undefined && typeof nonce === "string") return { offset, epoch, nonce };
    const message = `the document ${this.#logId} in checkpoints can't be read: remove it, and everything is looked at again`;
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
      const result = await bounded(this.#checkpoints.updateOne(filter, update, options));
      return result.matchedCount + result.upsertedCount === 1;
    } catch (error) {
      if (isDuplicate(error)) return false;
      throw error;
    }
  }

  async scan(after: string | undefined, limit: number): Promise<Scanned> {
    const filter = after === undefined ? {} : { _id: { $gt: after } };
    const raw = await bounded(this.#counters.find(filter, CONFIRMED).sort({ _id: 1 }).limit(limit).toArray());
    const last = raw.at(-1);
    return { documents: raw.map(judgeDocument), next: raw.length < limit || last === undefined ? undefined : last._id };
  }

  async changedSince(since: ChangedSince, limit: number): Promise<Changed> {
    const filter = { $or: [{ updatedAt: since.at, _id: { $gt: since.name } }, { updatedAt: { $gt: since.at } }] };
    const find = this.#counters.find(filter, CONFIRMED).sort({ updatedAt: 1, _id: 1 }).limit(limit);
    const raw = await bounded(find.toArray());
    const last = raw.at(-1);
    const at = last?.["updatedAt"];
    const next = last !== undefined && at instanceof Date ? { at, name: last._id } : undefined;
    return { documents: raw.map(judgeDocument), next };
  }

  async hasOtherLogs(): Promise<boolean> {
    return (await bounded(this.#checkpoints.findOne({ _id: { $ne: this.#logId } }, CONFIRMED))) !== null;
  }
}

/** Refuses a URL that the driver can't parse: `INVALID_SETTING`, without its secrets. Connects to nothing. */
export function checkMongoUrl(url: string): void {
  try {
    void new MongoClient(url, clientOptions()).close();
    databaseOf(url);
  } catch (error) {
    const why = withoutSecrets(describeError(error));
    throw new HitsError(
      "INVALID_SETTING",
      `MONGODB_URL=…: a URL that the MongoDB driver understands is allowed (${why})`,
    );
  }
}

function clientOptions(): MongoClientOptions {
  return {
    appName: "durable-hits",
    socketTimeoutMS: SILENCE_MS,
    waitQueueTimeoutMS: SILENCE_MS,
    serverSelectionTimeoutMS: 2000,
    connectTimeoutMS: 2000,
    // A server that is back is noticed within this.
    heartbeatFrequencyMS: 500,
    // Every write is a compare-and-set that this projection sends again itself, having looked.
    retryWrites: false,
    retryReads: false,
    useBigInt64: true,
    maxPoolSize: 8,
    writeConcern: { w: "majority", journal: true },
    readConcern: { level: "majority" },
    readPreference: "primary",
  };
}

/** The database in the URL's path; `hits` without one. */
function databaseOf(url: string): string {
  const path = /^mongodb(?:\+srv)?:\/\/[^/]+\/([^?]+)/.exec(url)?.[1];
  return path === undefined ? "hits" : decodeURIComponent(path);
}

/** Turns what the driver throws into what the projector knows. */
async function bounded<T>(call: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    // What is given up here may still be applied, late: every write is a compare-and-set for that reason.
    timer = setTimeout(() => reject(new StoreError("transient", `no answer within ${CALL_MS} ms`)), CALL_MS);
  });
  try {
    return await Promise.race([call, tooLong]);
  } catch (error) {
    if (error instanceof StoreError || error instanceof MongoBulkWriteError || isDuplicate(error)) throw error;
    throw storeError(error);
  } finally {
    clearTimeout(timer);
  }
}

function storeError(error: unknown): StoreError {
  const code = error instanceof MongoServerError ? Number(error.code) : undefined;
  const credentials = code !== undefined && UNAUTHORIZED.has(code);
  return new StoreError(credentials ? "credentials" : "transient", withoutSecrets(describeError(error)));
}

/** A bulk write that reached the server may have refused some of its documents; everything else is as for other calls. */
function throwUnlessRefused(error: unknown): asserts error is MongoBulkWriteError {
  if (!(error instanceof MongoBulkWriteError)) {
    if (isDuplicate(error)) throw new StoreError("transient", describeError(error));
    throw error;
  }
  const errors = writeErrorsOf(error);
  const transient = errors.find(({ code }) => TRANSIENT.has(code));
  if (errors.length === 0 || transient !== undefined) throw storeError(error);
}

function writeErrorsOf(error: MongoBulkWriteError): { index: number; code: number; message: string }[] {
  const errors = Array.isArray(error.writeErrors) ? error.writeErrors : [error.writeErrors];
  return errors.map(({ index, code, errmsg }) => ({ index, code: Number(code), message: errmsg ?? "refused" }));
}

/** A duplicate key is a miss, like a filter that no longer matches: read again. The rest is about the document itself. */
function refusedDocuments(error: MongoBulkWriteError, updates: readonly SlotUpdate[]): Map<string, string> {
  const refused = new Map<string, string>();
  for (const { index, code, message } of writeErrorsOf(error)) {
    const name = updates[index]?.name;
    if (code !== DUPLICATE_KEY && name !== undefined) refused.set(name, `the server says: ${message} (${code})`);
  }
  return refused;
}

function isDuplicate(error: unknown): boolean {
  return error instanceof MongoError && Number(error.code) === DUPLICATE_KEY;
}

/** Drivers put addresses into messages; user and password must not come along. */
function withoutSecrets(message: string): string {
  return message.replaceAll(/(mongodb(?:\+srv)?:\/\/)[^@/\s]*@/g, "$1…@");
}
