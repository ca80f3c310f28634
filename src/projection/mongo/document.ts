/**
 * A counter's document, as it lies in MongoDB, judged:
 *
 *     { _id: "home", count: 57, logs: { "<logId>": { offset: 1235, count: 57 } }, updatedAt }
 *
 * `count` is the sum of `logs.*.count`; a slot's `offset` is the first offset of that log which it does not include.
 */
export interface Slot {
  readonly offset: number;
  readonly count: number;
  /** Of a counter's day: all its hours together, where the slot has them; NaN where they are no numbers. */
  readonly hours?: number;
}

/** A slot as seen; "absent": a document without one; "no document": none at all. */
export type SeenSlot = Slot | "absent" | "no document";

export interface CounterDocument {
  readonly name: string;
  /** The document's own sum. */
  readonly count: number;
  readonly slots: ReadonlyMap<string, Slot>;
}

/** A document that nothing can be added to without making it worse, and why. */
export interface DamagedDocument {
  readonly name: string;
  readonly reason: string;
}

export function parseDocument(raw: unknown): CounterDocument | DamagedDocument {
  const document = isObject(raw) ? raw : {};
  const name = typeof document["_id"] === "string" ? document["_id"] : String(document["_id"]);
  const damaged = (reason: string): DamagedDocument => ({ name, reason });
  const count = toInteger(document["count"]);
  if (count === undefined) return damaged(`count is ${show(document["count"])}, a whole number is needed`);
  const logs = document["logs"];
  if (!isObject(logs)) return damaged(`logs is ${show(logs)}, an object by log id is needed`);
  const slots = new Map<string, Slot>();
  for (const [logId, slot] of Object.entries(logs)) {
    const offset = isObject(slot) ? toInteger(slot["offset"]) : undefined;
    const slotCount = isObject(slot) ? toInteger(slot["count"]) : undefined;
    if (offset === undefined || offset < 0 || slotCount === undefined) {
      return damaged(
        `logs.${logId} is ${show(slot)}, {offset, count} in whole numbers is needed, the offset not below 0`,
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

/** What all slots together say. */
export function sumOfSlots(document: CounterDocument): number {
  let sum = 0;
  for (const slot of document.slots.values()) sum += slot.count;
  return sum;
}

/** What the logs other than this one have counted. */
export function remoteCount(document: CounterDocument, logId: string): number {
  return sumOfSlots(document) - (document.slots.get(logId)?.count ?? 0);
}

/** Whatever kind of number the driver hands out, as one that is exact below 2^53; undefined for anything else. */
export function toInteger(value: unknown): number | undefined {
  const number = typeof value === "bigint" ? Number(value) : value;
  return typeof number === "number" && Number.isSafeInteger(number) ? number : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function show(value: unknown): string {
  if (value === undefined) return "missing";
  if (Array.isArray(value)) return "an array";
  if (isObject(value)) return "an object";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
