import type { Checkpoint, SlotUpdate } from "../../../src/projection/mongo/store.js";

/** A document as the server has it, with any content. */
export type RawDocument = Record<string, unknown>;

export type CollectionName = "counters" | "series";

/** A server's data at one moment. */
export interface DatabaseCopy {
  readonly documents: ReadonlyMap<string, RawDocument>;
  readonly series: ReadonlyMap<string, RawDocument>;
  readonly checkpoints: ReadonlyMap<string, Checkpoint>;
}

/** A MongoDB in memory, as the projection uses it: atomic compare-and-set on single documents, and no more. */
export class FakeDatabase {
  counters = new Map<string, RawDocument>();
  series = new Map<string, RawDocument>();
  checkpoints = new Map<string, Checkpoint>();
  /** Writes that are still on their way, although their senders have given them up. */
  readonly late: (() => void)[] = [];
  /** The reasons for which the server refuses updates of a document for good. */
  readonly refusals = new Map<string, string>();
  #time = 1_000_000;

  /** Counters' documents. */
  get documents(): Map<string, RawDocument> {
    return this.counters;
  }

  /** Applies an update. Returns whether it matched, or the reason for which it was refused. */
  update(
    logId: string,
    { name, seen, next, day }: SlotUpdate,
    collection: CollectionName = "counters",
  ): boolean | { readonly refused: string } {
    const refused = this.refusals.get(name);
    if (refused !== undefined) return { refused };
    const documents = this[collection];
    const document = documents.get(name);
    const hours = day?.hours === undefined ? {} : { hours: Object.fromEntries(day.hours.entries()) };
    const isNew = seen === "absent" || seen === "no document";
    const difference = next.count - (isNew ? 0 : seen.count);
    if (document === undefined) {
      if (seen !== "no document") return false;
      documents.set(name, {
        _id: name,
        ...(day === undefined ? {} : { counter: day.counter, day: new Date(day.at) }),
        count: difference,
        logs: { [logId]: { offset: next.offset, count: difference, ...hours } },
        updatedAt: this.now(),
      });
      return true;
    }
    const slot = fieldsOf(fieldsOf(document["logs"])[logId]);
    const isThere = logId in fieldsOf(document["logs"]);
    // If there is a document that does not match, an upsert fails on its key: also a miss.
    if (isNew ? isThere : !(same(slot["offset"], seen.offset) && same(slot["count"], seen.count))) return false;
    if (typeof document["count"] !== "number") return { refused: "Cannot apply $inc to a value of non-numeric type" };
    const count = Number(slot["count"] ?? 0) + difference;
    const logs = { ...fieldsOf(document["logs"]), [logId]: { offset: next.offset, count, ...hours } };
    documents.set(name, { ...document, count: document["count"] + difference, logs, updatedAt: this.now() });
    return true;
  }

  /** The server's clock: each write has a later time. */
  now(): Date {
    this.#time += 1;
    return new Date(this.#time);
  }

  slot(
    name: string,
    logId: string,
    collection: CollectionName = "counters",
  ): { offset: number; count: number } | undefined {
    const slot = fieldsOf(this[collection].get(name)?.["logs"])[logId];
    return slot === undefined
      ? undefined
      : { offset: Number(fieldsOf(slot)["offset"]), count: Number(fieldsOf(slot)["count"]) };
  }

  count(name: string): unknown {
    return this.documents.get(name)?.["count"];
  }

  put(name: string, document: RawDocument): void {
    this.documents.set(name, { _id: name, updatedAt: this.now(), ...document });
  }

  copy(): DatabaseCopy {
    return { documents: new Map(this.counters), series: new Map(this.series), checkpoints: new Map(this.checkpoints) };
  }

  /** Puts a copy back: all of it, or only its documents. */
  putBack(copy: DatabaseCopy, what: "all" | "documents" = "all"): void {
    this.counters = new Map(copy.documents);
    this.series = new Map(copy.series);
    if (what === "all") this.checkpoints = new Map(copy.checkpoints);
  }

  drop(): void {
    this.putBack({ documents: new Map(), series: new Map(), checkpoints: new Map() });
  }

  /** Delivers all writes that were given up, in the order of `pick`. */
  deliver(pick: (length: number) => number = () => 0): void {
    for (;;) {
      const [effect] = this.late.splice(pick(this.late.length), 1);
      if (effect === undefined) return;
      effect();
    }
  }
}

export function fieldsOf(value: unknown): RawDocument {
  return typeof value === "object" && value !== null ? (value as RawDocument) : {};
}

function same(value: unknown, number: number): boolean {
  return (typeof value === "number" || typeof value === "bigint") && Number(value) === number;
}
