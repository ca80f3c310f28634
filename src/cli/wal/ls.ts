import { listSegments, type SegmentRow } from "../../maintenance/list-segments.js";
import { checkLogDirectory } from "../../maintenance/log-directory.js";
import { retryOnRetention } from "../../maintenance/read-log.js";
import { humanBytes, seconds } from "../../model/text.js";
import { describeDamage } from "../../wal/damage.js";
import { table } from "../terminal/text.js";
import type { Command } from "./command.js";

export const lsCommand: Command = {
  name: "ls",
  synopsis: "",
  summary: "one line per segment: base offset, records, bytes, first and last time, epoch, state",
  options: [],
  help: `Reads the log once and prints a line for each segment. Times are when its first and last records were written.

  state: active    the newest: written into, or prepared for it (its bytes are the prepared size)
         closed    another one follows; cut to its end
         empty     closed without a record
         damaged   bytes are missing or wrong in it: a line on standard error for each place
         missing   its neighbours refer to it, and it does not exist

  --json: a JSON line each, {"file","baseOffset","records","bytes","first","last","epoch","state"}; times are RFC 3339,
  null in an empty segment; epoch is null if the header can't be read.
Exit status: 0; 1 if it can't be read.`,

  async run({ directory, json, output }) {
    await checkLogDirectory(directory);
    const { rows, damage } = await retryOnRetention(() => listSegments(directory));
    await output.writeLines(json ? rows.map(jsonRow) : table(COLUMNS, rows.map(cells)));
    for (const one of damage) output.writeMessage(`damage: ${describeDamage(one)}`);
    return 0;
  },
};

const COLUMNS = [
  { header: "BASE OFFSET", right: true },
  { header: "RECORDS", right: true },
  { header: "SIZE", right: true },
  { header: "FIRST" },
  { header: "LAST" },
  { header: "EPOCH", right: true },
  { header: "STATE" },
] as const;

function cells({ baseOffset, records, bytes, first, last, epoch, state }: SegmentRow): string[] {
  const numbers = [String(baseOffset), String(records), humanBytes(bytes)];
  return [...numbers, seconds(first), seconds(last), String(epoch ?? "-"), state];
}

function jsonRow({ file, baseOffset, records, bytes, epoch, state, ...times }: SegmentRow): string {
  const [first, last] = [times.first, times.last].map((at) => (at === undefined ? null : new Date(at).toISOString()));
  return JSON.stringify({ file, baseOffset, records, bytes, first, last, epoch: epoch ?? null, state });
}
