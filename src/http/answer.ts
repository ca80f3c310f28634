import type { IncomingMessage, ServerResponse } from "node:http";
import type { ErrorCode } from "../errors.js";
import type { Logger } from "../model/logger.js";
import { type Problem, problemOf } from "./problem.js";
import { REQUEST_ID_HEADER } from "./request-id.js";

/** The client went away while its request was being read: there is nobody to answer and nothing to log. */
export class ClientGone extends Error {}

export const JSON_TYPE = "application/json; charset=utf-8";
export const PROBLEM_TYPE = "application/problem+json; charset=utf-8";

const NO_HEADERS: readonly string[] = [];

/** How much of an unread body, and for how long, is read and dropped before the connection is closed. */
const LINGER_BYTES = 32 * 1024 * 1024;
const LINGER_MS = 1000;
/** A body that says it is no longer than this is read to its end instead, which keeps the connection. */
const WORTH_READING_BYTES = 16 * 1024;

/** Answers with JSON text. `more` are further headers, names and values in turn. */
export function sendJson(
  res: ServerResponse,
  status: number,
  body: string,
  more: readonly string[] = NO_HEADERS,
): void {
  // An array of strings, in one go: the cheapest way through node's writer, and hits take it.
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

/**
 * Answers with the problem that whatever was thrown amounts to, and returns its code; undefined where the client has gone.
 * `members` as in `problemOf`; `headers` gives further ones, names and values in turn.
 */
export function sendError(
  res: ServerResponse,
  error: unknown,
  logger: Logger,
  members?: object,
  headers: (code: ErrorCode) => readonly string[] = noHeaders,
): ErrorCode | undefined {
  if (error instanceof ClientGone) {
    res.destroy();
    return undefined;
  }
  const problem = problemOf(error, logger, res.req, members);
  // Half an answer is out already: a broken connection is the only way left to say that it is not whole.
  if (res.headersSent) res.destroy();
  else sendProblem(res, problem, headers(problem.code));
  return problem.code;
}

function noHeaders(): readonly string[] {
  return NO_HEADERS;
}

/** Answers with a problem. `headers` are names and values in turn. */
export function sendProblem(res: ServerResponse, problem: Problem, headers: readonly string[] = []): void {
  const req = res.req;
  const unread = hasLongUnreadBody(req);
  if (unread) res.shouldKeepAlive = false;
  res.writeHead(problem.status, problemHeaders(problem, headers));
  if (req.method === "HEAD") res.end();
  else if (unread) endAfterDraining(req, res, problem.body);
  else res.end(problem.body);
}

/** The headers of a problem, names and values in turn. */
export function problemHeaders(problem: Problem, more: readonly string[] = []): string[] {
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

/** Whether the request has a body that may go on for longer than is worth waiting for. */
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
