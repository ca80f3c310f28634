import type { MongoSettings } from "../../config.js";
import { describeError, HitsError } from "../../errors.js";
import { withStore } from "../../maintenance/ask-mongodb.js";
import { countOfOthers, isDamaged } from "../../projection/mongo/document.js";
import type { CounterStore } from "../../projection/mongo/store.js";

/** What other logs have counted, as MongoDB has it now. Throws `SERVER_UNAVAILABLE` where it does not say. */
export async function countOfOtherLogs(settings: MongoSettings, logId: string, counter: string): Promise<number> {
  return await withStore(settings, logId, (store) => othersIn(store, logId, counter));
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
