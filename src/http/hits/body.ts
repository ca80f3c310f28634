import type { IncomingMessage } from "node:http";
import getRawBody from "raw-body";
import { HitsError, systemCode } from "../../errors.js";
import { parseJson } from "../../hit/json.js";
import { parsePayload } from "../../hit/parse-hit.js";
import { MAX_PAYLOAD_BYTES, MAX_PAYLOAD_DEPTH } from "../../model/hit.js";
import { ClientGone } from "../answer.js";
import { shorten } from "../query.js";

/** Returns true if the request has a body; one of length 0 does not count. */
export function hasBody(req: IncomingMessage): boolean {
  const length = req.headers["content-length"];
  return (length !== undefined && length !== "0") || req.headers["transfer-encoding"] !== undefined;
}

/**
 * Resolves to the whole body, at most `limit` bytes. Rejects with `BODY_TOO_LARGE`, the rest unread, and with `ClientGone`
 * if the client disconnected.
 */
export async function readBody(req: IncomingMessage, limit: number): Promise<Buffer> {
  try {
    return await getRawBody(req, { limit, length: req.headers["content-length"] ?? null });
  } catch (error) {
    const type = error instanceof Error && "type" in error ? error.type : undefined;
    if (type === "entity.too.large") {
      throw new HitsError("BODY_TOO_LARGE", `the body is larger than ${limit / 1024} KiB`);
    }
    if (type === "request.aborted" || systemCode(error) === "ECONNRESET" || req.destroyed) throw new ClientGone();
    throw error;
  }
}

/**
 * Returns the media type of the body, in lower case and without parameters; "" if the client sent none. Throws
 * `UNSUPPORTED_MEDIA_TYPE` for compressed bodies and charsets other than UTF-8, which no route reads.
 */
export function readMediaType(req: IncomingMessage): string {
  const encoding = req.headers["content-encoding"];
  if (encoding !== undefined && encoding.trim().toLowerCase() !== "identity") {
    throw new HitsError(
      "UNSUPPORTED_MEDIA_TYPE",
      `the body must be uncompressed, without Content-Encoding, got ${shorten(encoding)}`,
    );
  }
  const given = req.headers["content-type"] ?? "";
  const charset = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(given)?.[1];
  if (charset !== undefined && !/^(utf-?8|us-ascii)$/i.test(charset)) {
    throw new HitsError("UNSUPPORTED_MEDIA_TYPE", `the body must be UTF-8, got charset ${shorten(charset)}`);
  }
  return given.split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

/**
 * Resolves to the payload in the body of a single hit; undefined for an empty body. Rejects with
 * `UNSUPPORTED_MEDIA_TYPE`, `BODY_TOO_LARGE`, `INVALID_BODY` and `ClientGone`.
 */
export async function readPayload(req: IncomingMessage): Promise<string | undefined> {
  const type = readMediaType(req);
  if (type !== "" && type !== "application/json" && type !== "text/plain" && !type.endsWith("+json")) {
    throw new HitsError(
      "UNSUPPORTED_MEDIA_TYPE",
      `the body must be a JSON object with Content-Type: application/json, or empty, got ${shorten(type)}`,
    );
  }
  const body = await readBody(req, MAX_PAYLOAD_BYTES);
  if (body.length === 0) return undefined;
  return parsePayload(parseJson(body, MAX_PAYLOAD_DEPTH, "the body"));
}
