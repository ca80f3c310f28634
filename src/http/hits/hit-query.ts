import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { HitsError } from "../../errors.js";
import { parseId, parseN } from "../../hit/parse-hit.js";
import { decodeQueryPart, rawQueryValue } from "../query.js";

/** Returns how many hits a request counts: `n` in its query; 1 without it. Throws `INVALID_N`. */
export function readNumber(query: string): number {
  const raw = rawQueryValue(query, "n");
  return raw === undefined ? 1 : parseN(decodeQueryPart(raw) ?? raw);
}

/** Returns the client's key from the query or the header, which must be equal if both are sent. Throws `INVALID_ID`. */
export function readId(req: IncomingMessage, query: string): string | undefined {
  const inHeader = req.headers["idempotency-key"] === undefined ? undefined : idInHeader(req);
  const raw = rawQueryValue(query, "id");
  if (raw === undefined) return inHeader;
  const inQuery = decodeQueryPart(raw);
  if (inQuery === undefined) throw new HitsError("INVALID_ID", "id must be percent-encoded UTF-8");
  if (inHeader !== undefined && inHeader !== inQuery) {
    throw new HitsError("INVALID_ID", "id in the query and Idempotency-Key differ: send one of them");
  }
  return parseId(inQuery);
}

function idInHeader(req: IncomingMessage): string {
  const values = req.headersDistinct["idempotency-key"] ?? [];
  const [value] = values;
  if (value === undefined || values.length > 1) {
    throw new HitsError("INVALID_ID", "Idempotency-Key was sent more than once");
  }
  // A structured field is a string in quotes with backslash escapes; many clients send the bare key.
  const bare = /^"(.*)"$/.exec(value)?.[1]?.replace(/\\(["\\])/g, "$1") ?? value;
  // Node decodes headers byte by byte; decoded as UTF-8, a key is the same here and in the query.
  const bytes = Buffer.from(bare, "latin1");
  if (!isUtf8(bytes)) throw new HitsError("INVALID_ID", "Idempotency-Key must be UTF-8");
  return parseId(bytes.toString("utf8"));
}
