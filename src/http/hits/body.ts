import type { IncomingMessage } from "node:http";
import { HitsError } from "../../errors.js";
import { parseJson } from "../../hit/json.js";
import { parsePayload } from "../../hit/parse-hit.js";
import type { Client } from "../../model/access.js";
import { MAX_PAYLOAD_BYTES, MAX_PAYLOAD_DEPTH } from "../../model/hit.js";
import { shorten } from "../query.js";
import type { Bodies } from "./bodies.js";

/** Returns true if the request has a body; one of length 0 does not count. */
export function hasBody(req: IncomingMessage): boolean {
  const length = req.headers["content-length"];
  return (length !== undefined && length !== "0") || req.headers["transfer-encoding"] !== undefined;
}

/** Returns how many KiB of a body a request announces, begun ones included; the most that a payload has if it does not. */
export function announcedKib(req: IncomingMessage): number {
  const length = req.headers["content-length"];
  return Math.ceil((length === undefined ? MAX_PAYLOAD_BYTES : Number(length)) / 1024);
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
 * `UNSUPPORTED_MEDIA_TYPE`, `INVALID_BODY`, and as `Bodies.read` does.
 */
export async function readPayload(req: IncomingMessage, client: Client, bodies: Bodies): Promise<string | undefined> {
  const type = readMediaType(req);
  if (type !== "" && type !== "application/json" && type !== "text/plain" && !type.endsWith("+json")) {
    throw new HitsError(
      "UNSUPPORTED_MEDIA_TYPE",
      `the body must be a JSON object with Content-Type: application/json, or empty, got ${shorten(type)}`,
    );
  }
  const body = await bodies.read(req, client, MAX_PAYLOAD_BYTES);
  try {
    if (body.length === 0) return undefined;
    return parsePayload(parseJson(body.inOnePiece(), MAX_PAYLOAD_DEPTH, "the body"));
  } finally {
    body.release();
  }
}
