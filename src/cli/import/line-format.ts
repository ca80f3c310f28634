import { isUtf8 } from "node:buffer";
import { HitsError } from "../../errors.js";
import { fastHit, parseLine } from "../../hit/bulk-lines.js";
import type { Hit } from "../../model/hit.js";
import { AccessLog, type AccessLogOptions, type SkipReason } from "./access-log.js";

export const FORMATS = ["auto", "ndjson", "combined"] as const;
export type Format = (typeof FORMATS)[number];

/**
 * Parses a line into a hit. `id` is for a line that has none of its own; undefined to leave it without.
 * Throws the `HitsError` of a line that is refused.
 */
export type LineReader = (bytes: Buffer, id: string | undefined, now: number) => Hit | SkipReason;

/**
 * Returns a reader of a format; for `auto` the first line that isn't blank decides: NDJSON begins with `{`. Throws
 * `INVALID_ARGUMENT` for an option that the format does not have, at once or with that first line.
 */
export function lineReader(format: Format, options: AccessLogOptions): LineReader {
  if (format === "ndjson") {
    const { prefix, allStatuses, include, exclude } = options;
    if (prefix !== "" || allStatuses || include.length + exclude.length > 0) {
      const what = "--prefix, --all-statuses, --include and --exclude are for access logs";
      throw new HitsError("INVALID_ARGUMENT", `${what}: lines of NDJSON name their counters themselves`);
    }
    return readNdjson;
  }
  if (format === "combined") {
    const log = new AccessLog(options);
    return (bytes, id, now) => log.read(bytes, id, now);
  }
  let chosen: LineReader | undefined;
  return (bytes, id, now) => {
    if (chosen === undefined) {
      const text = bytes.toString("latin1").trimStart();
      if (text === "") return "blank";
      chosen = lineReader(text.startsWith("{") ? "ndjson" : "combined", options);
    }
    return chosen(bytes, id, now);
  };
}

const BLANK = /^[ \t\r]*$/;

function readNdjson(bytes: Buffer, id: string | undefined, now: number): Hit | SkipReason {
  if (!isUtf8(bytes)) throw new HitsError("INVALID_BODY", "the line is not UTF-8");
  const text = bytes.toString("utf8");
  const hit = fastHit(text, 0, text.length, now) ?? (BLANK.test(text) ? "blank" : parseLine(text, now));
  return typeof hit === "string" || hit.id !== undefined || id === undefined ? hit : { ...hit, id };
}
