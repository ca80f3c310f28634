import { setTimeout as sleep } from "node:timers/promises";
import type { MongoSettings } from "../../config.js";
import { describeError, HitsError } from "../../errors.js";
import { countOfOthers, isDamaged } from "../../projection/mongo/document.js";
import type { CounterStore } from "../../projection/mongo/store.js";

/** A server that hangs holds up the end of the program no longer than this. */
const CLOSE_MS = 1000;

/** What other logs have counted, as MongoDB has it now. Throws `SERVER_UNAVAILABLE` where it does not say. */
export async function countOfOtherLogs(settings: MongoSettings, logId: string, counter: string): Promise<number> {
  // Loaded only for those who have one.
  const { MongoStore, checkMongoUrl } = await import("../../projection/mongo/mongo-store.js");
  checkMongoUrl(settings.url);
  const store = new MongoStore({ ...settings, logId, onChange: () => undefined });
  try {
    return await othersIn(store, logId, counter);
  } finally {
    await Promise.race([store.close(), sleep(CLOSE_MS, undefined, { ref: false })]);
  }
}

export async function othersIn(store: Pick<CounterStore, "read">, logId: string, counter: string): Promise<number> {
  const unknown = (why: string) =>
    new HitsError(
      "SERVER_UNAVAILABLE",
      `what other logs have counted is unknown: ${why}. Nothing was changed; try again, or unset MONGODB_URL where this is the ` +
        "only log",
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
  return countOfOthers(document, logId);
}
