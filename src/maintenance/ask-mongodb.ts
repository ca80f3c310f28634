import { setTimeout as sleep } from "node:timers/promises";
import { readConfig } from "../config.js";
import { isDamaged, type Slot } from "../projection/mongo/document.js";
import { Epochs } from "../projection/mongo/epochs.js";
import { type CounterStore, StoreError } from "../projection/mongo/store.js";
import type { LogDirectory } from "../wal/log-directory.js";
import type { MissingRanges } from "../wal/missing-ranges.js";
import { readRegistrations } from "../wal/registrations.js";

/** The longest that a hanging server delays the end of the program. */
const CLOSE_MS = 1000;
const PAGE = 1000;

/** MongoDB's slots of a log, or why it could not be asked. */
export type Answer = { readonly slots: ReadonlyMap<string, Slot> } | { readonly problem: string };

/** Asks MongoDB for a log's slots. `missing` is what counts as written down. */
export type Ask = (logId: string, missing: MissingRanges) => Promise<Answer>;

/** Reads the settings of the database; undefined if `MONGODB_URL` is not set. Throws `INVALID_SETTING`. */
export function mongoSettings({ MONGODB_URL, MONGODB_URL_FILE, MONGODB_DB }: NodeJS.ProcessEnv) {
  // Only these: a setting that serving would refuse does not matter here.
  return readConfig({ MONGODB_URL, MONGODB_URL_FILE, MONGODB_DB }).mongodb;
}

/** Calls `use` with a store on the database of these settings, and closes it afterwards. */
export async function withStore<T>(
  { url, database }: { readonly url: string; readonly database: string | undefined },
  logId: string,
  use: (store: CounterStore) => Promise<T>,
): Promise<T> {
  // Loaded only by commands that need it.
  const { MongoStore, checkMongoUrl } = await import("../projection/mongo/mongo-store.js");
  checkMongoUrl(url);
  const store = new MongoStore({ url, database, logId, onChange: () => undefined });
  try {
    return await use(store);
  } finally {
    await Promise.race([store.close(), sleep(CLOSE_MS, undefined, { ref: false })]);
  }
}

export interface SlotsOptions {
  readonly directory: LogDirectory;
  readonly logId: string;
  readonly missing: MissingRanges;
  readonly store: Pick<CounterStore, "readCheckpoint" | "scan">;
}

/** Reads all slots of a log. A database that follows another history of it (an old copy, a twin) proves nothing. */
export async function readSlots({ directory, logId, missing, store }: SlotsOptions): Promise<Answer> {
  try {
    const checkpoint = await store.readCheckpoint();
    const known = (await readRegistrations(directory)).flatMap(({ epochs }) => epochs ?? []);
    const epochs = new Epochs(directory, known, missing);
    await epochs.refresh();
    if (checkpoint !== undefined && (!epochs.has(checkpoint) || epochs.isPastEnd(checkpoint))) {
      const { offset, epoch, nonce } = checkpoint;
      const where = `its checkpoint is at offset ${offset} of epoch ${epoch}, nonce ${nonce}`;
      return { problem: `${where}, where this log never was: it follows another copy of it` };
    }
    const slots = new Map<string, Slot>();
    let after: string | undefined;
    do {
      const page = await store.scan(after, PAGE);
      for (const document of page.documents) {
        const slot = isDamaged(document) ? undefined : document.slots.get(logId);
        if (slot !== undefined) slots.set(document.name, slot);
      }
      after = page.next;
    } while (after !== undefined);
    return { slots };
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return { problem: error.message };
  }
}
