import { MongoBulkWriteError, MongoError, MongoServerError } from "mongodb";
import { describeError } from "../../errors.js";
import { type SlotUpdate, StoreError } from "./store.js";

/** The longest that a call waits, whatever the server does: for its selection, the connection and the answer. */
const CALL_MS = 8000;
const DUPLICATE_KEY = 11000;
const UNAUTHORIZED = new Set([13, 18, 8000]);
/** Codes of server errors that pass: a new primary, a shutdown, a time-out, a write concern not met. */
const TRANSIENT = new Set([
  6, 7, 43, 50, 63, 64, 89, 91, 100, 112, 133, 134, 150, 189, 234, 262, 317, 358, 384, 9001, 10058, 10107, 11600, 11602,
  13388, 13435, 13436, 14031,
]);

/** Limits the time of a call, and turns the driver's errors into `StoreError`s. */
export async function withTimeLimit<T>(call: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    // A call given up here may still be applied, late: that is why every write is a compare-and-set.
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

/** Throws unless a bulk write reached the server and only some of its documents were refused. */
export function throwUnlessRefused(error: unknown): asserts error is MongoBulkWriteError {
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

/** Returns the refused documents with the reasons. A duplicate key is not among them: it is a miss, as of a filter. */
export function refusedDocuments(error: MongoBulkWriteError, updates: readonly SlotUpdate[]): Map<string, string> {
  const refused = new Map<string, string>();
  for (const { index, code, message } of writeErrorsOf(error)) {
    const name = updates[index]?.name;
    if (code !== DUPLICATE_KEY && name !== undefined) refused.set(name, `refused by the server: ${message} (${code})`);
  }
  return refused;
}

export function isDuplicate(error: unknown): boolean {
  return error instanceof MongoError && Number(error.code) === DUPLICATE_KEY;
}

/** Removes user and password from the URLs that the driver puts into messages. */
export function withoutSecrets(message: string): string {
  return message.replaceAll(/(mongodb(?:\+srv)?:\/\/)[^@/\s]*@/g, "$1…@");
}
