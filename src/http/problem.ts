import { type IncomingMessage, STATUS_CODES } from "node:http";
import { type ErrorCode, HitsError } from "../errors.js";
import type { Logger } from "../model/services.js";
import { requestId } from "./request-id.js";

/** An error as an answer: RFC 9457 `application/problem+json`. */
export interface Problem {
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  /** Seconds to wait before trying again; undefined if waiting does not help. */
  readonly retryAfter: number | undefined;
  /** The id of the request, as in the log. */
  readonly requestId: string;
  /** The body, as JSON. */
  readonly body: string;
}

interface Row {
  readonly status: number;
  readonly retryAfter?: number;
  /** Replaces the error's own message, which may name files and devices that clients must not see. */
  readonly detail?: string;
}

const UNAVAILABLE = 503;
const INTERNAL: Row = { status: 500, detail: "this server failed to answer because of an internal error; see its log" };

/** The statuses of codes, defined here only. A code without a row is not expected in an answer: 500. */
const ROWS: Partial<Record<ErrorCode, Row>> = {
  BAD_REQUEST: { status: 400 },
  INVALID_COUNTER: { status: 400 },
  INVALID_BODY: { status: 400 },
  INVALID_N: { status: 400 },
  INVALID_AT: { status: 400 },
  INVALID_ID: { status: 400 },
  INVALID_QUERY: { status: 400 },
  UNAUTHORIZED: { status: 401 },
  COUNTER_NOT_ALLOWED: { status: 403 },
  ORIGIN_NOT_ALLOWED: { status: 403 },
  HOST_NOT_ALLOWED: { status: 403 },
  TOO_MANY_COUNTERS: { status: 403 },
  COUNT_LIMIT: { status: 403 },
  IDEMPOTENCY_MISMATCH: { status: 422 },
  NOT_FOUND: { status: 404 },
  METHOD_NOT_ALLOWED: { status: 405 },
  REQUEST_TIMEOUT: { status: 408 },
  BODY_TOO_LARGE: { status: 413 },
  UNSUPPORTED_MEDIA_TYPE: { status: 415 },
  RATE_LIMITED: { status: 429 },
  HEADERS_TOO_LARGE: { status: 431 },
  QUEUE_FULL: { status: UNAVAILABLE, retryAfter: 1 },
  TOO_MANY_KEYS: { status: UNAVAILABLE, retryAfter: 60 },
  CLOSING: { status: UNAVAILABLE, retryAfter: 5 },
  DISK_FULL: {
    status: UNAVAILABLE,
    retryAfter: 10,
    detail: "not counted: the disk that holds the log is full; try again once there is room",
  },
  LOG_FAILED: {
    status: UNAVAILABLE,
    retryAfter: 5,
    detail: "a write to the log failed half-way: it is unknown whether this was counted",
  },
  PROJECTION_HALTED: {
    status: UNAVAILABLE,
    retryAfter: 10,
    detail: "the counts are unknown because counting from the log has halted; hits are still accepted; see /status",
  },
  TOO_MANY_STREAMS: { status: UNAVAILABLE, retryAfter: 10 },
};

/** Returns the status of answers with this code. */
export function statusOf(code: ErrorCode): number {
  return (ROWS[code] ?? INTERNAL).status;
}

export interface ProblemContext {
  readonly logger: Logger;
  /** Undefined if there was no valid request. */
  readonly request: IncomingMessage | undefined;
  /** Members of the body in addition to those that every problem has. */
  readonly members?: object | undefined;
}

/**
 * Returns the problem to answer a thrown error with. Anything but a `HitsError` with a row is an `INTERNAL`: logged in
 * full, and answered without details.
 */
export function problemOf(error: unknown, { logger, request, members }: ProblemContext): Problem {
  const id = requestId(request);
  const known = error instanceof HitsError && ROWS[error.code] !== undefined ? error : undefined;
  if (known === undefined) logger.error({ err: error, requestId: id }, "a request failed with an unexpected error");
  const code = known?.code ?? "INTERNAL";
  const row = ROWS[code] ?? INTERNAL;
  const detail = row.detail ?? known?.message ?? "";
  // `about:blank`: the type has no more meaning than the status; problems are distinguished by `code`.
  const body = {
    type: "about:blank",
    title: STATUS_CODES[row.status] ?? "Error",
    status: row.status,
    code,
    detail,
    requestId: id,
    ...members,
  };
  return {
    status: row.status,
    code,
    detail,
    retryAfter: known?.retryAfter ?? row.retryAfter,
    requestId: id,
    body: JSON.stringify(body),
  };
}
