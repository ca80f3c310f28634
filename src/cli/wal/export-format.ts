import type { StoredHit } from "../../hit/record.js";
import { rfc3339 } from "../../model/text.js";
import { printableJson } from "../terminal/text.js";
import { payloadJson } from "./cat.js";
import type { ExportSettings } from "./command.js";

/** How hits look in an export. */
export interface ExportFormat {
  /** What stands in front of the first hit. */
  readonly head: string;
  /** A hit with its line end. */
  line(hit: StoredHit): string;
}

export function exportFormat({ format, withIds, excelSafe }: ExportSettings): ExportFormat {
  if (format === "ndjson") return { head: "", line: (hit) => ndjsonLine(hit, withIds) };
  return { head: "offset,at,counter,n,id,payload\r\n", line: (hit) => csvLine(hit, withIds, excelSafe) };
}

/** What `POST /hits` and `durable-hits import` take: nothing besides, so without the offset. */
function ndjsonLine({ counter, n, at, id, payload }: StoredHit, withIds: boolean): string {
  let line = `{"counter":${JSON.stringify(counter)}`;
  if (n !== 1) line += `,"n":${n}`;
  line += `,"at":"${rfc3339(at)}"`;
  if (withIds && id !== undefined) line += `,"id":${JSON.stringify(id)}`;
  if (payload !== undefined) line += `,"payload":${payloadJson(payload)}`;
  return `${printableJson(`${line}}`)}\n`;
}

/** A record of RFC 4180, all fields there. */
function csvLine(
  { offset, at, counter, n, id = "", payload }: StoredHit,
  withIds: boolean,
  excelSafe: boolean,
): string {
  const json = payload === undefined ? "" : printableJson(payloadJson(payload));
  const texts = [counter, withIds ? id : "", json].map((text) => field(excelSafe ? inert(text) : text));
  const [name = "", key = "", kept = ""] = texts;
  return `${offset},${rfc3339(at)},${name},${n},${key},${kept}\r\n`;
}

function field(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Spreadsheets take what begins like this for a formula, and names come from anybody; behind a ' it is text. */
function inert(text: string): string {
  return /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text;
}
