import { againWhenOvertaken, checkLogDirectory, forEachSegment, readToEnd } from "../../maintenance/log-directory.js";
import { humanBytes, seconds } from "../../model/text.js";
import type { Damage } from "../../wal/damage.js";
import { describeDamage } from "../../wal/damage.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import { LogReader } from "../../wal/log-reader.js";
import { segmentName } from "../../wal/segment-name.js";
import { table } from "../terminal/text.js";
import type { Command } from "./command.js";

export interface SegmentRow {
  readonly file: string;
  readonly baseOffset: number;
  readonly records: number;
  readonly bytes: number;
  /** When its first and last batch with records were written, in epoch milliseconds; undefined without any. */
  readonly first: number | undefined;
  readonly last: number | undefined;
  /** Undefined where its header can't be read. */
  readonly epoch: number | undefined;
  /** `missing`: the segments around it know of it. */
  readonly state: "active" | "closed" | "empty" | "damaged" | "missing";
}

export const lsCommand: Command = {
  name: "ls",
  synopsis: "",
  summary: "a segment a line: base offset, records, bytes, first and last time, epoch, state",
  options: [],
  help: `Reads the log once and prints a line for each segment. Times are those when its first and last records were written.

  state: active    the newest: written into, or prepared for it (its bytes are the prepared size)
         closed    another one follows; cut to its end
         empty     closed without a record
         damaged   bytes are missing or wrong in it: a line on standard error for each place
         missing   its neighbours know of it, and it isn't there

  --json: a JSON line each, {"file","baseOffset","records","bytes","first","last","epoch","state"}; times are RFC 3339,
  null in an empty segment; epoch is null where the header can't be read.
Exit status: 0; 1 where it can't be read.`,

  async run({ directory, json, output }) {
    await checkLogDirectory(directory);
    const { rows, damage } = await againWhenOvertaken(() => segmentRows(directory));
    await output.lines(json ? rows.map(jsonRow) : table(COLUMNS, rows.map(cells)));
    for (const one of damage) output.complain(`damage: ${describeDamage(one)}`);
    return 0;
  },
};

/** The segments of a log, oldest first, as one pass over all of it finds them. Throws `OFFSET_GONE` when overtaken. */
export async function segmentRows(
  directory: LogDirectory,
): Promise<{ rows: readonly SegmentRow[]; damage: readonly Damage[] }> {
  const found = new Map<number, { records: number; first: number; last: number }>();
  const damage: Damage[] = [];
  const reader = new LogReader({ directory, from: undefined });
  let newest: number | undefined;
  try {
    const end = await readToEnd(reader, {
      batch({ segment, count, time, missing }) {
        if (count === 0 || missing !== undefined) return;
        const known = found.get(segment);
        if (known === undefined) found.set(segment, { records: count, first: time, last: time });
        else {
          known.records += count;
          known.last = time;
        }
      },
      damage: (one) => damage.push(one),
    });
    newest = end.segment;
  } finally {
    await reader.close();
  }
  const broken = new Set(damage.map(({ file }) => file));
  const rows: SegmentRow[] = [];
  await forEachSegment(directory, newest, ({ baseOffset, header }, bytes) => {
    const file = segmentName(baseOffset);
    const inside = found.get(baseOffset);
    const isDamaged = broken.delete(file) || header === undefined;
    const state = isDamaged ? "damaged" : baseOffset === newest ? "active" : inside === undefined ? "empty" : "closed";
    rows.push({
      file,
      baseOffset,
      records: inside?.records ?? 0,
      bytes,
      first: inside?.first,
      last: inside?.last,
      epoch: header?.epoch,
      state,
    });
  });
  for (const file of broken) rows.push(missing(file));
  return { rows: rows.sort((a, b) => a.baseOffset - b.baseOffset), damage };
}

function missing(file: string): SegmentRow {
  const baseOffset = Number.parseInt(file, 10);
  return {
    file,
    baseOffset,
    records: 0,
    bytes: 0,
    first: undefined,
    last: undefined,
    epoch: undefined,
    state: "missing",
  };
}

const COLUMNS = [
  { header: "BASE OFFSET", right: true },
  { header: "RECORDS", right: true },
  { header: "SIZE", right: true },
  { header: "FIRST" },
  { header: "LAST" },
  { header: "EPOCH", right: true },
  { header: "STATE" },
] as const;

function cells(row: SegmentRow): string[] {
  return [
    String(row.baseOffset),
    String(row.records),
    humanBytes(row.bytes),
    seconds(row.first),
    seconds(row.last),
    String(row.epoch ?? "-"),
    row.state,
  ];
}

function jsonRow({ first, last, epoch, ...row }: SegmentRow): string {
  const time = (at: number | undefined) => (at === undefined ? null : new Date(at).toISOString());
  const { file, baseOffset, records, bytes, state } = row;
  return JSON.stringify({
    file,
    baseOffset,
    records,
    bytes,
    first: time(first),
    last: time(last),
    epoch: epoch ?? null,
    state,
  });
}
