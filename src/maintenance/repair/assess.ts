import { PROJECTION_NAME } from "../../projection/mongo/bootstrap.js";
import type { Slot } from "../../projection/mongo/document.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import { type MissingRange, MissingRanges } from "../../wal/missing-ranges.js";
import { readRegistrations } from "../../wal/registrations.js";
import type { Ask } from "../ask-mongodb.js";
import { type LogHistory, readHistory } from "../log-history.js";
import type { RepairPlan } from "./plan.js";
import { findRestoredRecords, NOTHING_RESTORED, type Restoration } from "./restored-records.js";

/**
 * MongoDB's part in a repair. `asked`: it was asked about what is missing; `waived`: the operator continues without;
 * `needless`: nothing is missing, or nothing was ever projected. Else why it could not be asked.
 */
export type MongoSide = "asked" | "waived" | "needless" | { readonly problem: string };

/** The knowledge about missing records. */
export interface Assessment {
  readonly mongodb: MongoSide;
  /** Undefined if nothing has to be counted again. */
  readonly history: LogHistory | undefined;
  readonly restoration: Restoration;
}

export interface AssessOptions {
  readonly directory: LogDirectory;
  readonly plan: RepairPlan;
  /** Ranges that are written down next. */
  readonly ranges: readonly MissingRange[];
  readonly ask: Ask | undefined;
  readonly withoutMongodb: boolean;
}

/** Asks snapshots and MongoDB for what they have of missing records. Changes nothing. */
export async function assess(logId: string, options: AssessOptions): Promise<Assessment> {
  const { directory, plan, ranges, ask, withoutMongodb } = options;
  const missing = new MissingRanges([...plan.missing.ranges, ...ranges]);
  const isAnyMissing = missing.ranges.some(({ from, to }) => to > from);
  const isRegistered = (await readRegistrations(directory)).some(({ name }) => name === PROJECTION_NAME);
  let mongodb: MongoSide = "needless";
  let slots: ReadonlyMap<string, Slot> | undefined;
  if (isAnyMissing && withoutMongodb) mongodb = "waived";
  else if (isAnyMissing && ask !== undefined) {
    const answer = await ask(logId, missing);
    mongodb = "slots" in answer ? "asked" : answer;
    if ("slots" in answer) slots = answer.slots;
  } else if (isAnyMissing && isRegistered) mongodb = { problem: "MONGODB_URL is not set" };
  const isNew = ranges.length + plan.healed.length > 0 || slots !== undefined;
  if (!isNew) return { mongodb, history: undefined, restoration: NOTHING_RESTORED };
  const history = await readHistory(directory, logId, slots === undefined ? { missing } : { missing, slots });
  return { mongodb, history, restoration: findRestoredRecords(history, missing) };
}

/** Returns whether the projection into MongoDB, too, may skip what is written down. */
export function isSettled(mongodb: MongoSide): boolean {
  return typeof mongodb === "string";
}
