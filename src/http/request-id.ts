import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";

/** Names a request in the logs of all that it goes through: on every answer to a request that had it, and on every error. */
export const REQUEST_ID_HEADER = "X-Request-Id";

const SANE = /^[!-~]{1,128}$/;

const ids = new WeakMap<IncomingMessage, string>();

/** Takes over the id that the request sent, where it is a sane one, for its answer and its log lines. */
export function takeRequestId(req: IncomingMessage, res: ServerResponse): void {
  const sent = req.headers["x-request-id"];
  if (typeof sent !== "string" || !SANE.test(sent)) return;
  ids.set(req, sent);
  res.setHeader(REQUEST_ID_HEADER, sent);
}

/** The id of a request, where it has one. */
export function knownRequestId(req: IncomingMessage): string | undefined {
  return ids.get(req);
}

/** The id of a request; a new one where it has none. Only for errors: most requests need none. */
export function requestId(req: IncomingMessage | undefined): string {
  const known = req === undefined ? undefined : ids.get(req);
  if (known !== undefined) return known;
  const made = randomUUID();
  if (req !== undefined) ids.set(req, made);
  return made;
}
