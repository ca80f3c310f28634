/**
 * The stable codes of the errors that users, clients and operators can meet. A message is for people and may change with
 * any release; a code may not.
 */
export type ErrorCode =
  // Invalid hits and requests, and hits that exceed a limit.
  | "INVALID_COUNTER"
  | "INVALID_BODY"
  | "INVALID_N"
  | "INVALID_AT"
  | "INVALID_ID"
  | "INVALID_QUERY"
  | "TOO_MANY_COUNTERS"
  | "COUNT_LIMIT"
  | "IDEMPOTENCY_MISMATCH"
  | "BODY_TOO_LARGE"
  // Access control and rate limits.
  | "COUNTER_NOT_ALLOWED"
  | "ORIGIN_NOT_ALLOWED"
  | "HOST_NOT_ALLOWED"
  | "RATE_LIMITED"
  | "UNAUTHORIZED"
  // HTTP requests that no route takes.
  | "BAD_REQUEST"
  | "NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "REQUEST_TIMEOUT"
  | "UNSUPPORTED_MEDIA_TYPE"
  | "HEADERS_TOO_LARGE"
  | "TOO_MANY_STREAMS"
  // Unexpected errors of the server.
  | "INTERNAL"
  // Certainly not counted: clients may retry.
  | "QUEUE_FULL"
  | "TOO_MANY_KEYS"
  | "DISK_FULL"
  | "CLOSING"
  // Unknown whether counted: the write failed part-way.
  | "LOG_FAILED"
  // The log and its directory.
  | "LOG_LOCKED"
  | "LOCK_UNSUPPORTED"
  | "LOG_DIRECTORY"
  | "LOG_FORMAT"
  | "LOG_ID_UNKNOWN"
  | "LOG_ID_CONFLICT"
  | "OFFSET_GONE"
  | "LOG_REPAIRED"
  | "UNKNOWN_RECORD_TYPE"
  | "INVALID_RECORD"
  // Projections.
  | "SNAPSHOT_DAMAGED"
  | "PROJECTION_HALTED"
  | "UNKNOWN_PROJECTION"
  // Importing.
  | "INVALID_LINE"
  | "INPUT_UNREADABLE"
  | "INPUT_CHANGED"
  | "SERVER_UNAVAILABLE"
  // Settings and the command line.
  | "INVALID_SETTING"
  | "INVALID_ARGUMENT";

/** Codes of refusals that clients can provoke at will: capturing a stack would cost more than the rest of the refusal. */
const WITHOUT_STACK: ReadonlySet<ErrorCode> = new Set([
  "INVALID_COUNTER",
  "INVALID_BODY",
  "INVALID_N",
  "INVALID_AT",
  "INVALID_ID",
  "INVALID_QUERY",
  "TOO_MANY_COUNTERS",
  "COUNT_LIMIT",
  "IDEMPOTENCY_MISMATCH",
  "BODY_TOO_LARGE",
  "COUNTER_NOT_ALLOWED",
  "ORIGIN_NOT_ALLOWED",
  "HOST_NOT_ALLOWED",
  "RATE_LIMITED",
  "UNAUTHORIZED",
  "BAD_REQUEST",
  "NOT_FOUND",
  "METHOD_NOT_ALLOWED",
  "REQUEST_TIMEOUT",
  "UNSUPPORTED_MEDIA_TYPE",
  "HEADERS_TOO_LARGE",
  "TOO_MANY_STREAMS",
  "QUEUE_FULL",
  "TOO_MANY_KEYS",
]);

/** An error with a stable `code`; its `message` tells what happened, where, and what to do. */
export class HitsError extends Error {
  readonly code: ErrorCode;
  /** Seconds after which a retry makes sense, if that depends on more than the code. */
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions & { readonly retryAfter?: number }) {
    const { stackTraceLimit } = Error;
    if (WITHOUT_STACK.has(code)) Error.stackTraceLimit = 0;
    super(message, options);
    Error.stackTraceLimit = stackTraceLimit;
    this.name = "HitsError";
    this.code = code;
    this.retryAfter = options?.retryAfter;
  }
}

/** Returns the system error code (`ENOENT`, `ENOSPC`, …) of anything thrown, undefined if it has none. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** Returns the text of anything thrown, for use in a message. */
export function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
