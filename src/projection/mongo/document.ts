/**
 * A slot of a counter's document. The document in MongoDB:
 *
 *     { _id: "home", count: 57, logs: { "<logId>": { offset: 1235, count: 57 } }, updatedAt }
 *
 * `count` is the sum of `logs.*.count`; a slot's `offset` is the first offset of that log that it does not include.
 */
export interface Slot {
  readonly offset: number;
  readonly count: number;
  /** In the document of a counter's day: the sum of its hours, if the slot has them; NaN if they are not numbers. */
  readonly hours?: number;
}

/** A slot as seen. "absent": the document has none; "no document": there is none. */
export type SeenSlot = Slot | "absent" | "no document";

export interface CounterDocument {
  readonly name: string;
  /** The document's own sum. */
  readonly count: number;
  readonly slots: ReadonlyMap<string, Slot>;
}

/** A document that nothing can be added to without making it worse, and the reason. */
export interface DamagedDocument {
  readonly name: string;
  readonly reason: string;
}

export function parseDocument(raw: unknown): CounterDocument | DamagedDocument {
  const document = isObject(raw) ? raw : {};
  const name = typeof document["_id"] === "string" ? document["_id"] : String(document["_id"]);
  const damaged = (reason: string): DamagedDocument => ({ name, reason });
  const count = toInteger(document["count"]);
  if (count === undefined) return damaged(`count must be an integer, got ${describeValue(document["count"])}`);
  const logs = document["logs"];
  if (!isObject(logs)) return damaged(`logs must be an object by log id, got ${describeValue(logs)}`);
  const slots = new Map<string, Slot>();
  for (const [logId, slot] of Object.entries(logs)) {
    const offset = isObject(slot) ? toInteger(slot["offset"]) : undefined;
    const slotCount = isObject(slot) ? toInteger(slot["count"]) : undefined;
    if (offset === undefined || offset < 0 || slotCount === undefined) {
      return damaged(
        `logs.${logId} must be {offset, count} in integers, the offset not below 0, got ${describeValue(slot)}`,
      );
    }
    const hours = isObject(slot) ? slot["hours"] : undefined;
    slots.set(logId, { offset, count: slotCount, ...(hours === undefined ? {} : { hours: sumOfHours(hours) }) });
  }
  return { name, count, slots };
}

function sumOfHours(hours: unknown): number {
  if (!isObject(hours)) return Number.NaN;
  return Object.values(hours).reduce((sum: number, one) => sum + (toInteger(one) ?? Number.NaN), 0);
}

export function isDamaged(document: CounterDocument | DamagedDocument): document is DamagedDocument {
  return "reason" in document;
}

/** Returns the sum of the counts of all slots. */
export function sumOfSlots(document: CounterDocument): number {
  let sum = 0;
  for (const slot of document.slots.values()) sum += slot.count;
  return sum;
}

/** Returns the hits of all logs but this one. */
export function remoteCount(document: CounterDocument, logId: string): number {
  return sumOfSlots(document) - (document.slots.get(logId)?.count ?? 0);
}

/** Converts a number of any kind that the driver returns; undefined unless it is an integer below 2^53. */
export function toInteger(value: unknown): number | undefined {
  const number = typeof value === "bigint" ? Number(value) : value;
  return typeof number === "number" && Number.isSafeInteger(number) ? number : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function describeValue(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "an array";
  if (isObject(value)) return "an object";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
