import type { Document } from "mongodb";

type Collections = Map<string, Map<string, Document>>;

const DUPLICATE_KEY = 11000;

/**
 * The data of a replica set: what the primary has, and what a majority has of it. While `stalled`, nothing gets to a
 * majority; `rollBack` is a failover that takes away what did not.
 */
export class FakeData {
  stalled = false;
  /** Documents whose updates are refused, and the error for it. */
  readonly refusals = new Map<string, { code: number; errmsg: string }>();
  #local: Collections = new Map();
  #majority: Collections = new Map();

  /** One collection's documents, by `database.collection`. */
  documents(namespace: string, level: "local" | "majority" = "local"): Document[] {
    return [...((level === "majority" ? this.#majority : this.#local).get(namespace)?.values() ?? [])];
  }

  rollBack(): void {
    this.#local = structuredClone(this.#majority);
    this.stalled = false;
  }

  /** Lets the writes that were held back reach a majority. */
  catchUp(): void {
    this.stalled = false;
    this.#majority = structuredClone(this.#local);
  }

  find(namespace: string, { filter = {}, sort, limit, readConcern }: Document): Document[] {
    const level = readConcern?.["level"] === "majority" ? "majority" : "local";
    const found = this.documents(namespace, level).filter((document) => matches(document, filter as Document));
    const keys = Object.keys((sort as Document | undefined) ?? {});
    found.sort((a, b) => keys.map((key) => compare(a[key], b[key])).find((order) => order !== 0) ?? 0);
    return typeof limit === "number" && limit > 0 ? found.slice(0, limit) : found;
  }

  /** The reply to an `update` command. */
  update(namespace: string, updates: readonly Document[]): Document {
    const documents = this.#local.get(namespace) ?? new Map<string, Document>();
    this.#local.set(namespace, documents);
    let n = 0;
    const upserted: Document[] = [];
    const writeErrors: Document[] = [];
    for (const [index, { q, u, upsert }] of updates.entries()) {
      const id = String(q["_id"]);
      const refusal = this.refusals.get(id);
      const found = documents.get(id);
      if (refusal !== undefined) writeErrors.push({ index, ...refusal });
      else if (found !== undefined && matches(found, q)) {
        change(found, u);
        n++;
      } else if (upsert === true) {
        if (found !== undefined) {
          writeErrors.push({ index, code: DUPLICATE_KEY, errmsg: `E11000 duplicate key error: ${id}` });
          continue;
        }
        const made: Document = { _id: id };
        change(made, u);
        documents.set(id, made);
        upserted.push({ index, _id: id });
        n++;
      }
    }
    if (!this.stalled) this.#majority = structuredClone(this.#local);
    return {
      n,
      nModified: n - upserted.length,
      ...(upserted.length > 0 ? { upserted } : {}),
      ...(writeErrors.length > 0 ? { writeErrors } : {}),
      ok: 1,
    };
  }
}

function change(document: Document, { $inc = {}, $set = {}, $currentDate = {} }: Document): void {
  for (const [path, by] of Object.entries($inc as Document)) {
    set(document, path, BigInt((at(document, path) as bigint | number | undefined) ?? 0) + BigInt(by as bigint));
  }
  for (const [path, value] of Object.entries($set as Document)) set(document, path, value);
  for (const path of Object.keys($currentDate as Document)) set(document, path, new Date());
}

function matches(document: Document, filter: Document): boolean {
  return Object.entries(filter).every(([path, wanted]) => {
    if (path === "$or") return (wanted as Document[]).some((part) => matches(document, part));
    const value = at(document, path);
    const operators = isObject(wanted) ? Object.entries(wanted) : [["$eq", wanted] as const];
    return operators.every(([operator, operand]) => {
      switch (operator) {
        case "$eq":
          return compare(value, operand) === 0;
        case "$ne":
          return compare(value, operand) !== 0;
        case "$gt":
          return compare(value, operand) > 0;
        case "$gte":
          return compare(value, operand) >= 0;
        case "$in":
          return (operand as unknown[]).some((one) => compare(value, one) === 0);
        case "$exists":
          return (value !== undefined) === operand;
        case "$type":
          return typeof value === operand;
        default:
          throw new Error(`the fake server knows no ${operator}`);
      }
    });
  });
}

function at(document: Document, path: string): unknown {
  return path.split(".").reduce<unknown>((value, key) => (isObject(value) ? value[key] : undefined), document);
}

function set(document: Document, path: string, value: unknown): void {
  const keys = path.split(".");
  let inner = document;
  for (const key of keys.slice(0, -1)) inner = inner[key] ??= {};
  inner[keys.at(-1) ?? ""] = value;
}

function isObject(value: unknown): value is Document {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** Numbers of all kinds, texts and dates in their order; what is of different kinds is not equal. */
function compare(a: unknown, b: unknown): number {
  const [left, right] = [comparable(a), comparable(b)];
  if (left === undefined || right === undefined) return left === right ? 0 : left === undefined ? -1 : 1;
  return left < right ? -1 : left > right ? 1 : 0;
}

function comparable(value: unknown): number | string | undefined {
  if (typeof value === "bigint" || value instanceof Date) return Number(value);
  return typeof value === "number" || typeof value === "string" ? value : undefined;
}
