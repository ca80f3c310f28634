import { type IncomingMessage, STATUS_CODES } from "node:http";
import { type ErrorCode, HitsError } from "../errors.js";
import type { Logger } from "../model/logger.js";
import { requestId } from "./request-id.js";

/** An error as an answer: RFC 9457 `application/problem+json`. */
export interface Problem {
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  /** Seconds after which trying again makes sense. */
  readonly retryAfter: number | undefined;
  /** The id of the request, as in the log. */
  readonly requestId: string;
  /** The body, as JSON. */
  readonly body: string;
}

interface Row {
  readonly status: number;
  readonly retryAfter?: number;
  /** Said instead of the error's own message, which may name files and devices that are nobody's business. */
  readonly detail?: string;
}

const UNAVAILABLE = 503;

/** The one place where a code becomes a status. A code that isn't here is no matter of HTTP: 500. */
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
    detail: "the disk that holds the log is full: not counted; try again once there is room",
  },
  LOG_FAILED: {
    status: UNAVAILABLE,
    retryAfter: 5,
    detail: "writing the log failed half-way: it is unknown whether this was counted",
  },
  PROJECTION_HALTED: {
    status: UNAVAILABLE,
    retryAfter: 10,
    detail: "the counts are unknown because counting from the log has halted; hits are still taken; see /status",
  },
  TOO_MANY_STREAMS: { status: UNAVAILABLE, retryAfter: 10 },
};

/** The status that an error with this code is answered with. */
export function statusOf(code: ErrorCode): number {
  return ROWS[code]?.status ?? 500;
}

/**
 * What to answer for whatever was thrown. Anything but a `HitsError` that HTTP knows is an `INTERNAL`, logged in full
 * and answered without a word about the inside. `request` is undefined for what was none. `members` come on top of those that
 * every problem has.
 */
export function problemOf(
  error: unknown,
  logger: Logger,
  request: IncomingMessage | undefined,
  members?: object,
): Problem {
  const id = requestId(request);
  const row = error instanceof HitsError ? ROWS[error.code] : undefined;
  if (row === undefined || !(error instanceof HitsError)) {
    logger.error({ err: error, requestId: id }, "a request failed for no known reason");
    return problem("INTERNAL", { status: 500 }, "this server failed to answer; its log says why", id, members);
  }
  const { retryAfter } = error;
  return problem(
    error.code,
    retryAfter === undefined ? row : { ...row, retryAfter },
    row.detail ?? error.message,
    id,
    members,
  );
}

function problem(code: ErrorCode, row: Row, detail: string, id: string, members: object | undefined): Problem {
  const { status, retryAfter } = row;
  // `about:blank` says that there is no more to the type than the status; `code` is what to tell problems apart by.
  const body = {
    type: "about:blank",
    title: STATUS_CODES[status] ?? "Error",
    status,
    code,
    detail,
    requestId: id,
    ...members,
  };
  return { status, code, detail, retryAfter, requestId: id, body: JSON.stringify(body) };
}
