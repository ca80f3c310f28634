import { isUtf8 } from "node:buffer";
import { HitsError } from "../errors.js";

/** Returns where the text of a body starts: after a byte order mark, if there is one. Throws `INVALID_BODY`: it is not UTF-8. */
export function startOfText(body: Buffer): number {
  if (!isUtf8(body)) throw new HitsError("INVALID_BODY", "the body is not UTF-8");
  return body.length >= 3 && body.readUIntBE(0, 3) === BYTE_ORDER_MARK ? 3 : 0;
}

const BYTE_ORDER_MARK = 0xefbbbf;

/** Parses JSON nested at most `depth` deep. Throws `INVALID_BODY`; its message starts with `what`. */
export function parseJson(body: Buffer, depth: number, what: string): unknown {
  const text = body.toString("utf8", startOfText(body));
  if (deeperThan(body, depth)) throw new HitsError("INVALID_BODY", `${what} must be nested at most ${depth} deep`);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new HitsError("INVALID_BODY", `${what} is not JSON`);
  }
}

const QUOTE = 34;
const BACKSLASH = 92;
const OPEN = 123;
const CLOSE = 125;

/**
 * Returns true if arrays and objects are nested more than `max` deep in JSON text. Checked before parsing, so that nothing
 * recursive ever gets such a text. The result means nothing for text that isn't JSON.
 */
export function deeperThan(json: Uint8Array, max: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i] ?? 0;
    if (inString) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    // `[` and `{`, `]` and `}` differ in one bit each.
    else if ((byte | 32) === OPEN) {
      if (++depth > max) return true;
    } else if ((byte | 32) === CLOSE) depth--;
  }
  return false;
}
