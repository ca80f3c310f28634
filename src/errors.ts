/**
 * Every error that a user, a client or an operator can meet has a stable code. The message is for the reader and may
 * change with any release; the code may not.
 */
export type ErrorCode =
  // A hit or a request that can't be taken as it is.
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
  // Who asks, and how often.
  | "COUNTER_NOT_ALLOWED"
  | "ORIGIN_NOT_ALLOWED"
  | "RATE_LIMITED"
  | "UNAUTHORIZED"
  // Requests that HTTP itself refuses.
  | "BAD_REQUEST"
  | "NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "REQUEST_TIMEOUT"
  | "UNSUPPORTED_MEDIA_TYPE"
  | "HEADERS_TOO_LARGE"
  | "TOO_MANY_STREAMS"
  // Nothing that a client can do anything about.
  | "INTERNAL"
  // Not counted, certainly: try again.
  | "QUEUE_FULL"
  | "TOO_MANY_KEYS"
  | "DISK_FULL"
  | "CLOSING"
  // Unknown whether counted: the write failed half-way.
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

/** An error with a stable `code`; `message` says what happened, where, and what to do. */
export class HitsError extends Error {
  readonly code: ErrorCode;
  /** Seconds after which trying again makes sense, where that depends on more than the code. */
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions & { readonly retryAfter?: number }) {
    super(message, options);
    this.name = "HitsError";
    this.code = code;
    this.retryAfter = options?.retryAfter;
  }
}

/** The system error code (`ENOENT`, `ENOSPC`, …) of whatever was thrown, where it has one. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** What was thrown, as one line for a message. */
export function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
