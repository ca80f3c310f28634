import { nameMatcher } from "../../hit/name-globs.js";
import { type StoredHit, storedHits } from "../../hit/record.js";
import { readToEnd } from "../../maintenance/log-directory.js";
import { plural } from "../../model/text.js";
import { LogReader } from "../../wal/log-reader.js";
import { segmentBases } from "../../wal/segment-name.js";
import type { LogBatch } from "../../wal/segment-reader.js";
import type { Output } from "../terminal/output.js";
import { type ProgressView, progressView } from "../terminal/progress.js";
import { grouped } from "../terminal/text.js";
import type { Command, Invocation } from "./command.js";
import { ExportFile } from "./export-file.js";
import { type ExportFormat, exportFormat } from "./export-format.js";
import { walkLog } from "./walk-log.js";

const INCOMPLETE = 1;

export const exportCommand: Command = {
  name: "export",
  synopsis:
    "[--format ndjson|csv] [--from N] [--to N] [--since TIME] [--until TIME] [--counter NAME|GLOB] [--output FILE] [--force] " +
    "[--follow] [--no-ids] [--excel-safe]",
  summary: "hits as NDJSON, as POST /hits and import take it, or as CSV",
  options: [
    ...(["format", "from", "to", "since", "until", "counter", "output", "force", "follow"] as const),
    ...(["no-ids", "excel-safe"] as const),
  ],
  help: `Writes each hit, in the order of offsets: those that are durable, and no others.

  ndjson (the default)   {"counter","n","at","id","payload"}: what POST /hits and durable-hits import take. n is there where it is
                         not 1, id and payload where the hit has them; at is RFC 3339: the event's time where the client
                         gave one, else when it was written
  csv                    RFC 4180, in UTF-8: offset,at,counter,n,id,payload

  --from N, --to N       from offset N on, and before offset N
  --since T, --until T   from the time T on, and before it: 2026-01-15T12:00:00Z, or 2026-01-15 for its beginning in UTC
  --counter NAME|GLOB    only this counter, or those that a glob names, as in COUNTERS_ALLOW (* is any text, / too)
  --output FILE, -o      into a file, which is there whole, synced, or not at all; with --follow it grows as the log does
  --force                replaces a file that is there
  --follow, -f           go on with what is written from now on, over restarts of the server, until Ctrl-C or --to; a log
                         that isn't there yet is waited for
  --no-ids               leaves out the clients' ids. Within its IDEMPOTENCY_WINDOW an import counts each id once: a log in
                         which an id came again after its window gives the same counts only without them
  --excel-safe           csv only: puts a ' in front of names, ids and payloads that begin with = + - @, a tab or a line
                         break. Names come from anybody, and spreadsheets run what looks like a formula. Without it the
                         fields are as they are stored

--json: with --output, the summary as {"file","format","hits","damage","interrupted"}; the data is the same. On a terminal
a bar on standard error says how far it is.
Damage is a line on standard error, and so is what a repair has written down as missing, and where the log begins at a later
offset than 0; what lies behind it follows.
Exit status: 0; 1 where damage has cost hits, where it can't be read or written, where retention has taken what --from
asks for, or where Ctrl-C came before the end (not with --follow): then no FILE is written.`,

  async run(invocation) {
    const { directory, follow, exported, output, bar } = invocation;
    const { file: given, force } = exported;
    const signal = invocation.interruption();
    const options = { directory, force, inPlace: follow, stderr: bar.stderr };
    const file = given === undefined ? undefined : await ExportFile.open(given, options);
    let outcome: Outcome;
    try {
      outcome = await exportHits(invocation, file?.output ?? output, signal);
      const isCut = signal.aborted && !follow;
      if (isCut) await file?.discard();
      else await file?.keep();
      if (isCut) output.complain(`wal export: interrupted${given === undefined ? "" : `: ${given} was not written`}`);
      if (given !== undefined) await sayOutcome(invocation, given, outcome, isCut);
      return outcome.damage > 0 || isCut ? INCOMPLETE : 0;
    } catch (error) {
      await file?.discard();
      throw error;
    }
  },
};

interface Outcome {
  readonly hits: number;
  /** Places in the log that could not be read. */
  readonly damage: number;
}

async function exportHits(invocation: Invocation, target: Output, signal: AbortSignal): Promise<Outcome> {
  const format = exportFormat(invocation.exported);
  const isWanted = selection(invocation);
  const view = await barFor(invocation);
  let hits = 0;
  let damage = 0;
  const say = async (line: string) => {
    await target.flush();
    view.print(line);
  };
  try {
    await sayWhereItBegins(invocation, say);
    target.put(format.head);
    await walkLog(invocation, signal, {
      async batch(batch) {
        hits += await writeHits(batch, format, isWanted, target);
        view.update(Math.max(0, batch.endOffset - (invocation.from ?? 0)), hits);
      },
      async say(line, isDamage) {
        if (isDamage) damage++;
        await say(line);
      },
      atEnd: () => target.flush(),
    });
  } finally {
    view.stop();
  }
  return { hits, damage };
}

async function writeHits(
  batch: LogBatch,
  format: ExportFormat,
  isWanted: (hit: StoredHit) => boolean,
  target: Output,
): Promise<number> {
  let hits = 0;
  for (const hit of storedHits(batch)) {
    if (!isWanted(hit)) continue;
    hits++;
    if (target.put(format.line(hit))) await target.flush();
  }
  return hits;
}

function selection({ from = 0, to, counter, exported }: Invocation): (hit: StoredHit) => boolean {
  const end = to ?? Number.POSITIVE_INFINITY;
  const { since = Number.NEGATIVE_INFINITY, until = Number.POSITIVE_INFINITY } = exported;
  const matches = counter === undefined ? undefined : nameMatcher([counter]);
  const isNamed = (name: string) => matches === undefined || name === counter || matches(name);
  return (hit) => hit.offset >= from && hit.offset < end && hit.at >= since && hit.at < until && isNamed(hit.counter);
}

/** Whoever asks for all there is should know where that isn't all there ever was. */
async function sayWhereItBegins({ directory, from, follow }: Invocation, say: (line: string) => Promise<void>) {
  if (from !== undefined) return;
  const names = follow ? await directory.list().catch(() => []) : await directory.list();
  const oldest = segmentBases(names)[0] ?? 0;
  if (oldest > 0) await say(`note: this log begins at offset ${oldest}: what lay before is no longer in it`);
}

/** How far it is, on a terminal that shows nothing else. */
async function barFor({ directory, from = 0, to, follow, exported, bar }: Invocation): Promise<ProgressView> {
  const { stderr, isStdoutTerminal } = bar;
  const isShown = stderr.isTTY === true && !follow && (exported.file !== undefined || !isStdoutTerminal);
  if (!isShown) return progressView({ stderr, totalBytes: undefined, quiet: true });
  // Of the end only the newest segment has to be read.
  const newest = (await directory.segmentBases()).at(-1);
  let end = newest ?? 0;
  const reader = new LogReader({ directory, from: newest });
  try {
    await readToEnd(reader, {
      batch(batch) {
        end = batch.endOffset;
      },
      damage: () => undefined,
    });
  } finally {
    await reader.close();
  }
  return progressView({ stderr, totalBytes: Math.max(0, Math.min(end, to ?? end) - from), quiet: false });
}

async function sayOutcome(
  { json, exported, output }: Invocation,
  file: string,
  { hits, damage }: Outcome,
  interrupted: boolean,
): Promise<void> {
  if (json) await output.json({ file, format: exported.format, hits, damage, interrupted });
  else if (!interrupted) {
    const lacking = damage === 0 ? "" : `; damage in ${plural(damage, "place")} may have cost others`;
    await output.lines([`${grouped(hits)} ${hits === 1 ? "hit" : "hits"} in ${file}${lacking}`]);
  }
}
