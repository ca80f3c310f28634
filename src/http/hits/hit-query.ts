import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { HitsError } from "../../errors.js";
import { parseId, parseN } from "../../hit/parse-hit.js";
import { decodeQueryPart, rawQueryValue } from "../target.js";

/** How many a request counts, from `n` in its query; 1 without. Throws `INVALID_N`. */
export function numberIn(query: string): number {
  const raw = rawQueryValue(query, "n");
  return raw === undefined ? 1 : parseN(decodeQueryPart(raw) ?? raw);
}

/** The client's key, from the query or the header; both may be there if they say the same. Throws `INVALID_ID`. */
export function idOf(req: IncomingMessage, query: string): string | undefined {
  const inHeader = req.headers["idempotency-key"] === undefined ? undefined : idInHeader(req);
  const raw = rawQueryValue(query, "id");
  if (raw === undefined) return inHeader;
  const inQuery = decodeQueryPart(raw);
  if (inQuery === undefined) throw new HitsError("INVALID_ID", "id is not percent-encoded UTF-8");
  if (inHeader !== undefined && inHeader !== inQuery) {
    throw new HitsError("INVALID_ID", "id in the query and Idempotency-Key differ: give one of them");
  }
  return parseId(inQuery);
}

function idInHeader(req: IncomingMessage): string {
  const values = req.headersDistinct["idempotency-key"] ?? [];
  const [value] = values;
  if (value === undefined || values.length > 1) {
    throw new HitsError("INVALID_ID", "Idempotency-Key is there more than once");
  }
  // A structured field's string is in quotes, in which a backslash escapes; many clients send the bare key.
  const bare = /^"(.*)"$/.exec(value)?.[1]?.replace(/\\(["\\])/g, "$1") ?? value;
  // Node hands out headers byte by byte; read as UTF-8, the same key is the same here and in the query.
  const bytes = Buffer.from(bare, "latin1");
  if (!isUtf8(bytes)) throw new HitsError("INVALID_ID", "Idempotency-Key is not UTF-8");
  return parseId(bytes.toString("utf8"));
}
