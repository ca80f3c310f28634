import type { IncomingMessage } from "node:http";
import getRawBody from "raw-body";
import { HitsError, systemCode } from "../../errors.js";
import { parseJson } from "../../hit/json.js";
import { parsePayload } from "../../hit/parse-hit.js";
import { MAX_PAYLOAD_BYTES, MAX_PAYLOAD_DEPTH } from "../../model/hit.js";
import { ClientGone } from "../answer.js";

/** Whether the request has a body at all; one of length 0 is none. */
export function hasBody(req: IncomingMessage): boolean {
  const length = req.headers["content-length"];
  return (length !== undefined && length !== "0") || req.headers["transfer-encoding"] !== undefined;
}

/**
 * The whole body, at most `limit` bytes. Throws `BODY_TOO_LARGE`, with the rest unread, and `ClientGone` where the
 * client went away.
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
 * The media type of the body, in lower case and without parameters; "" where the client gave none. Throws
 * `UNSUPPORTED_MEDIA_TYPE` for what no part of this server reads: compressed bodies, and charsets other than UTF-8.
 */
export function mediaType(req: IncomingMessage): string {
  const encoding = req.headers["content-encoding"];
  if (encoding !== undefined && encoding.trim().toLowerCase() !== "identity") {
    throw new HitsError(
      "UNSUPPORTED_MEDIA_TYPE",
      `the body has Content-Encoding ${brief(encoding)}: send it uncompressed, without Content-Encoding`,
    );
  }
  const given = req.headers["content-type"] ?? "";
  const charset = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(given)?.[1];
  if (charset !== undefined && !/^(utf-?8|us-ascii)$/i.test(charset)) {
    throw new HitsError("UNSUPPORTED_MEDIA_TYPE", `the body has charset ${brief(charset)}: send it as UTF-8`);
  }
  return given.split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

/** A media type or encoding, short enough for a message. */
export function brief(value: string): string {
  return value.length > 60 ? `${value.slice(0, 57)}…` : value;
}

/**
 * What is kept of the body of a single hit; undefined for an empty body. Throws `UNSUPPORTED_MEDIA_TYPE`,
 * `BODY_TOO_LARGE`, `INVALID_BODY` and `ClientGone`.
 */
export async function readPayload(req: IncomingMessage): Promise<string | undefined> {
  const type = mediaType(req);
  if (type !== "" && type !== "application/json" && type !== "text/plain" && !type.endsWith("+json")) {
    throw new HitsError(
      "UNSUPPORTED_MEDIA_TYPE",
      `the body is ${brief(type)}: send a JSON object with Content-Type: application/json, or no body`,
    );
  }
  const body = await readBody(req, MAX_PAYLOAD_BYTES);
  if (body.length === 0) return undefined;
  return parsePayload(parseJson(body, MAX_PAYLOAD_DEPTH, "the body"));
}
