import { type Collection, type Document, Long } from "mongodb";
import { type CounterDocument, type DamagedDocument, parseDocument, sumOfSlots } from "./document.js";
import { refusedDocuments, throwUnlessRefused } from "./mongo-errors.js";
import { type DocumentStore, type ScanPage, type SlotUpdate, StoreError } from "./store.js";

export interface CounterRecord extends Document {
  readonly _id: string;
}

/** Settings that the URL can't weaken: a write is acknowledged once a majority has it in its journal. */
export const DURABLE = { writeConcern: { w: "majority", journal: true } } as const;
export const CONFIRMED = { readConcern: { level: "majority" }, readPreference: "primary" } as const;

/** A collection of documents with slots on a real MongoDB. */
export class MongoDocuments implements DocumentStore {
  readonly #collection: Collection<CounterRecord>;
  readonly #logId: string;
  readonly #call: <T>(work: () => Promise<T>) => Promise<T>;

  /** `call` connects if need be, and limits the time of the call. */
  constructor(collection: Collection<CounterRecord>, logId: string, call: <T>(work: () => Promise<T>) => Promise<T>) {
    this.#collection = collection;
    this.#logId = logId;
    this.#call = call;
  }

  async read(names: readonly string[]): Promise<Map<string, CounterDocument | DamagedDocument>> {
    const documents = await this.#call(() => this.#collection.find({ _id: { $in: [...names] } }, CONFIRMED).toArray());
    return new Map(documents.map(parseDocument).map((document) => [document.name, document]));
  }

  async apply(updates: readonly SlotUpdate[]): Promise<boolean> {
    const slot = `logs.${this.#logId}`;
    const operations = updates.map(({ name, seen, next, day }) => {
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
            $set: { [`${slot}.offset`]: Long.fromNumber(next.offset), ...hoursIn(slot, day) },
            ...(day === undefined || day.hours !== undefined ? {} : { $unset: { [`${slot}.hours`]: true as const } }),
            ...(day === undefined ? {} : { $setOnInsert: { counter: day.counter, day: new Date(day.at) } }),
            $currentDate: { updatedAt: true as const },
          },
          // Only if no document was seen: otherwise a filter on a slot would make a second one.
          upsert: seen === "no document",
        },
      };
    });
    try {
      const result = await this.#call(() => this.#collection.bulkWrite(operations, { ordered: false, ...DURABLE }));
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
    // A miss is fine: the document has changed, and is read again later.
    await this.#call(() => this.#collection.updateOne(filter, update, DURABLE));
  }

  async scan(after: string | undefined, limit: number): Promise<ScanPage> {
    // Comparing with a string leaves out ids of other types: such documents are not counters.
    const filter = { _id: after === undefined ? { $gte: "" } : { $gt: after } };
    const raw = await this.#call(() =>
      this.#collection.find(filter, CONFIRMED).sort({ _id: 1 }).limit(limit).toArray(),
    );
    const last = raw.at(-1);
    return { documents: raw.map(parseDocument), next: raw.length < limit || last === undefined ? undefined : last._id };
  }
}

/** Sets this log's hours of a day as a whole: no other log writes into its slot. */
function hoursIn(slot: string, day: SlotUpdate["day"]): Record<string, Record<string, Long>> {
  if (day?.hours === undefined) return {};
  const counted = day.hours.map((count, hour) => [String(hour), count] as const).filter(([, count]) => count > 0);
  return { [`${slot}.hours`]: Object.fromEntries(counted.map(([hour, count]) => [hour, Long.fromNumber(count)])) };
}
