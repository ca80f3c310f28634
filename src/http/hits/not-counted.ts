import type { ServerResponse } from "node:http";
import type { ErrorCode } from "../../errors.js";

/** The reason why a request that could have counted did not: an error's code, or one of these. */
export type NotCountedReason = ErrorCode | "BOT" | "PREFETCH" | "HEAD" | "PEEK";

/** Present on every answer to a request that could have counted and certainly did not. Its value is the reason. */
export const NOT_COUNTED_HEADER = "Hit-Not-Counted";
/** Present instead if it is unknown whether the hit became durable. */
export const UNKNOWN_HEADER = "Hit-Unknown";

/** Codes after which it is unknown whether the hit became durable; every other refusal precedes the write. */
const UNKNOWN: ReadonlySet<string> = new Set(["LOG_FAILED", "INTERNAL"]);

export function isUnknown(code: string): boolean {
  return UNKNOWN.has(code);
}

/** Returns the header with the reason, name and value: nothing was counted, or this is unknown. */
export function notCountedHeader(reason: NotCountedReason): readonly [string, string] {
  return [isUnknown(reason) ? UNKNOWN_HEADER : NOT_COUNTED_HEADER, reason];
}

/** Sets that header on an answer whose headers are not sent yet. */
export function setNotCounted(res: ServerResponse, reason: NotCountedReason): void {
  res.setHeader(...notCountedHeader(reason));
}
