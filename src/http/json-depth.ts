const QUOTE = 34;
const BACKSLASH = 92;
const OPEN = 123;
const CLOSE = 125;

/**
 * Whether JSON text has arrays and objects more than `max` deep inside one another: looked at before it is parsed, so
 * that nothing recursive ever sees such a text. What isn't JSON gets some answer.
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
