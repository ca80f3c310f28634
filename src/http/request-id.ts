import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";

/** Identifies a request in the logs of every system it passes: on answers to requests that sent it, and on every error. */
export const REQUEST_ID_HEADER = "X-Request-Id";

const VALID = /^[!-~]{1,128}$/;

const ids = new WeakMap<IncomingMessage, string>();

/** Uses the id that the request sent, if it is valid, for its answer and its log lines. */
export function takeRequestId(req: IncomingMessage, res: ServerResponse): void {
  const sent = req.headers["x-request-id"];
  if (typeof sent !== "string" || !VALID.test(sent)) return;
  ids.set(req, sent);
  res.setHeader(REQUEST_ID_HEADER, sent);
}

/** Returns the id of a request; undefined if it has none yet. */
export function knownRequestId(req: IncomingMessage): string | undefined {
  return ids.get(req);
}

/** Returns the id of a request, a new one if it has none yet. For errors only: most requests need none. */
export function requestId(req: IncomingMessage | undefined): string {
  const known = req === undefined ? undefined : ids.get(req);
  if (known !== undefined) return known;
  const made = randomUUID();
  if (req !== undefined) ids.set(req, made);
  return made;
}
