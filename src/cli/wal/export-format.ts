import type { StoredHit } from "../../hit/record.js";
import { rfc3339 } from "../../model/text.js";
import { printableJson } from "../terminal/text.js";
import { payloadJson } from "./cat.js";
import type { ExportSettings } from "./command.js";

/** The text form of hits in an export. */
export interface ExportFormat {
  /** Precedes the first hit. */
  readonly head: string;
  /** Returns a hit with its line end. */
  line(hit: StoredHit): string;
}

export function exportFormat({ format, withIds, excelSafe }: ExportSettings): ExportFormat {
  if (format === "ndjson") return { head: "", line: (hit) => ndjsonLine(hit, withIds) };
  return { head: "offset,at,counter,n,id,payload\r\n", line: (hit) => csvLine(hit, withIds, excelSafe) };
}

/** Returns a hit as `POST /hits` and `durable-hits import` take it: without the offset. */
function ndjsonLine({ counter, n, at, id, payload }: StoredHit, withIds: boolean): string {
  let line = `{"counter":${JSON.stringify(counter)}`;
  if (n !== 1) line += `,"n":${n}`;
  line += `,"at":"${rfc3339(at)}"`;
  if (withIds && id !== undefined) line += `,"id":${JSON.stringify(id)}`;
  if (payload !== undefined) line += `,"payload":${payloadJson(payload)}`;
  return `${printableJson(`${line}}`)}\n`;
}

/** Returns a hit as a record of RFC 4180, with all fields. */
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

/** Puts a ' before what spreadsheets take for a formula: names come from anybody, and after a ' it is text. */
function inert(text: string): string {
  return /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text;
}
