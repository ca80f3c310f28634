import { PROJECTION_NAME } from "../../projection/mongo/bootstrap.js";
import type { Slot } from "../../projection/mongo/document.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import { type MissingRange, MissingRanges } from "../../wal/missing-ranges.js";
import { readRegistrations } from "../../wal/registrations.js";
import type { Ask } from "../ask-mongodb.js";
import { type History, readHistory } from "../log-history.js";
import type { RepairPlan } from "./plan.js";
import { findMends, type Mending } from "./restored-records.js";

/**
 * Whether MongoDB may know more of what is missing. `asked`: it was; `waived`: the operator goes on without; `needless`:
 * nothing is missing, or nothing was ever projected. Else why it could not be asked.
 */
export type MongoSide = "asked" | "waived" | "needless" | { readonly problem: string };

/** What is known of that which is missing. */
export interface Assessment {
  readonly mongodb: MongoSide;
  /** Undefined where nothing is to be counted again. */
  readonly history: History | undefined;
  readonly mending: Mending;
}

const NOTHING: Mending = { mends: [], unexplained: [], lacking: [] };

/** Asks snapshots and the database what they know of what is written down as missing, or is to be. Changes nothing. */
export async function assess(
  directory: LogDirectory,
  logId: string,
  plan: RepairPlan,
  ranges: readonly MissingRange[],
  { ask, withoutMongodb }: { readonly ask: Ask | undefined; readonly withoutMongodb: boolean },
): Promise<Assessment> {
  const missing = new MissingRanges([...plan.missing.ranges, ...ranges]);
  const isAnything = missing.ranges.some(({ from, to }) => to > from);
  const isRegistered = (await readRegistrations(directory)).some(({ name }) => name === PROJECTION_NAME);
  let mongodb: MongoSide = "needless";
  let slots: ReadonlyMap<string, Slot> | undefined;
  if (isAnything && withoutMongodb) mongodb = "waived";
  else if (isAnything && ask !== undefined) {
    const answer = await ask(logId, missing);
    mongodb = "slots" in answer ? "asked" : answer;
    if ("slots" in answer) slots = answer.slots;
  } else if (isAnything && isRegistered) mongodb = { problem: "MONGODB_URL is not set" };
  const isNew = ranges.length + plan.healed.length > 0 || slots !== undefined;
  if (!isNew) return { mongodb, history: undefined, mending: NOTHING };
  const history = await readHistory(directory, logId, missing, slots);
  return { mongodb, history, mending: findMends(history, missing) };
}

/** Whether what is written down may be passed by the projection into MongoDB, too. */
export function isSettled(mongodb: MongoSide): boolean {
  return typeof mongodb === "string";
}
