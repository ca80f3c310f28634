/** Text of which a URL's path is made as it stands. Dots may be segments that mean another directory: see below. */
const PLAIN = /^\/[\w.~!$&'()*+,;=:@%/-]*$/;
const DOTS = /\/(?:\.|%2e)/i;
const ABSOLUTE = /^https?:\/\//i;

/**
 * The counter of the page that a request's target names, where characters stand for bytes: its path as a browser has it in
 * `location.pathname`, which is what `hits.js` counts by. That is percent-encoded as in the request, without the query.
 * Undefined where there is no path in it.
 */
export function pageName(target: string): string | undefined {
  const mark = target.indexOf("?");
  const whole = mark === -1 ? target : target.slice(0, mark);
  if (PLAIN.test(whole) && !DOTS.test(whole)) return whole;
  // A browser would have sent these encoded.
  const encoded = whole.replace(/[^\x21-\x7e]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
  });
  if (!encoded.startsWith("/") && !ABSOLUTE.test(encoded)) return undefined;
  try {
    return new URL(encoded.startsWith("/") ? `http://host${encoded}` : encoded).pathname;
  } catch {
    return undefined;
  }
}
