import type { IncomingMessage, ServerResponse } from "node:http";
import type { ErrorCode } from "../errors.js";
import type { Logger } from "../model/services.js";
import { type Problem, problemOf } from "./problem.js";
import { REQUEST_ID_HEADER } from "./request-id.js";

/** The client disconnected while its request was being read: there is nobody to answer and nothing to log. */
export class ClientGone extends Error {}

export const JSON_TYPE = "application/json; charset=utf-8";
const PROBLEM_TYPE = "application/problem+json; charset=utf-8";

const NO_HEADERS: readonly string[] = [];

/** Bounds of reading and dropping an unread body before its connection is closed: no body that is wanted is longer. */
const LINGER_BYTES = 8 * 1024 * 1024;
const LINGER_MS = 1000;
/** A body with at most this length is read to its end instead, which keeps the connection open. */
const WORTH_READING_BYTES = 16 * 1024;

/** Answers with JSON text. `more` has further headers, names and values in turn. */
export function sendJson(
  res: ServerResponse,
  status: number,
  body: string,
  more: readonly string[] = NO_HEADERS,
): void {
  // One array of strings is the cheapest way through node's writer, and every hit takes it.
  res.writeHead(status, [
    "Content-Type",
    JSON_TYPE,
    "Cache-Control",
    "no-store",
    "X-Content-Type-Options",
    "nosniff",
    "Content-Length",
    String(Buffer.byteLength(body)),
    ...more,
  ]);
  res.end(res.req.method === "HEAD" ? undefined : body);
}

export interface ErrorAnswer {
  readonly logger: Logger;
  /** Members of the problem's body in addition to those that every problem has. */
  readonly members?: object | undefined;
  /** Returns further headers, names and values in turn. */
  readonly headers?: (code: ErrorCode) => readonly string[];
}

/** Answers with the problem for a thrown error. Returns its code; undefined if the client disconnected. */
export function sendError(
  res: ServerResponse,
  error: unknown,
  { logger, members, headers }: ErrorAnswer,
): ErrorCode | undefined {
  if (error instanceof ClientGone) {
    res.destroy();
    return undefined;
  }
  const problem = problemOf(error, { logger, request: res.req, members });
  // Half an answer is out already: only a broken connection can still show that it is incomplete.
  if (res.headersSent) res.destroy();
  else sendProblem(res, problem, headers?.(problem.code));
  return problem.code;
}

/** Answers with a problem. `headers` has further headers, names and values in turn. */
export function sendProblem(res: ServerResponse, problem: Problem, headers: readonly string[] = NO_HEADERS): void {
  const req = res.req;
  // A body that has stopped arriving is not waited for.
  const isUnread = problem.code === "REQUEST_TIMEOUT" || hasLongUnreadBody(req);
  if (isUnread) res.shouldKeepAlive = false;
  res.writeHead(problem.status, problemHeaders(problem, headers));
  if (req.method === "HEAD") res.end();
  else if (isUnread) endAfterDraining(req, res, problem.body);
  else res.end(problem.body);
}

/** Returns the headers of a problem, names and values in turn. */
export function problemHeaders(problem: Problem, more: readonly string[] = NO_HEADERS): string[] {
  return [
    "Content-Type",
    PROBLEM_TYPE,
    "Cache-Control",
    "no-store",
    "X-Content-Type-Options",
    "nosniff",
    "Content-Length",
    String(Buffer.byteLength(problem.body)),
    REQUEST_ID_HEADER,
    problem.requestId,
    ...(problem.retryAfter === undefined ? [] : ["Retry-After", String(problem.retryAfter)]),
    ...more,
  ];
}

/** Returns true if the request has an unread body that may be longer than is worth reading. */
function hasLongUnreadBody(req: IncomingMessage): boolean {
  if (req.complete) return false;
  return (
    req.headers["transfer-encoding"] !== undefined || Number(req.headers["content-length"] ?? 0) > WORTH_READING_BYTES
  );
}

/**
 * Sends the whole answer, and closes the connection a little later: a socket closed with unread data in it is reset,
 * and a client that is still sending would then lose the answer.
 */
function endAfterDraining(req: IncomingMessage, res: ServerResponse, body: string): void {
  res.write(body);
  let left = LINGER_BYTES;
  const finish = () => {
    clearTimeout(timer);
    req.off("data", drop).off("end", finish).off("close", finish);
    res.end();
  };
  const drop = (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) finish();
  };
  const timer = setTimeout(finish, LINGER_MS).unref();
  req.on("data", drop).on("end", finish).on("close", finish);
  req.resume();
}
