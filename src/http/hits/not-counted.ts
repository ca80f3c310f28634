import type { ServerResponse } from "node:http";
import type { ErrorCode } from "../../errors.js";

/** Why a request that could have counted did not: an error's code, or one of these. */
export type NotCountedReason = ErrorCode | "BOT" | "PREFETCH" | "HEAD" | "PEEK";

/** On every answer to a request that certainly counted nothing, though it could have. Its value is the reason. */
export const NOT_COUNTED_HEADER = "Hit-Not-Counted";
/** The same where it is open whether the hit became durable. */
export const UNKNOWN_HEADER = "Hit-Unknown";

/** After these it is open whether the hit became durable; every other refusal came before it was written. */
const UNKNOWN: ReadonlySet<string> = new Set(["LOG_FAILED", "INTERNAL"]);

export function isUnknown(code: string): boolean {
  return UNKNOWN.has(code);
}

/** The header that says why nothing was counted, or that this is open: its name and its value. */
export function notCountedHeader(reason: NotCountedReason): readonly [string, string] {
  return [isUnknown(reason) ? UNKNOWN_HEADER : NOT_COUNTED_HEADER, reason];
}

/** Puts it on an answer that has not begun. */
export function setNotCounted(res: ServerResponse, reason: NotCountedReason): void {
  res.setHeader(...notCountedHeader(reason));
}
