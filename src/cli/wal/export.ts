import { type StoredHit, storedHits } from "../../hit/record.js";
import { endOfLog, hitSelector, walkLog } from "../../maintenance/walk-log.js";
import { plural } from "../../model/text.js";
import type { LogBatch } from "../../wal/segment-reader.js";
import type { Output } from "../terminal/output.js";
import { type ProgressView, progressView } from "../terminal/progress.js";
import { grouped } from "../terminal/text.js";
import type { Command, Invocation } from "./command.js";
import { describeNote } from "./describe.js";
import { ExportFile } from "./export-file.js";
import { type ExportFormat, exportFormat } from "./export-format.js";

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

  ndjson (the default)   {"counter","n","at","id","payload"}: what POST /hits and durable-hits import take. n is present if it is
                         not 1, id and payload if the hit has them; at is RFC 3339: the event's time if the client sent
                         one, else when it was written
  csv                    RFC 4180, in UTF-8: offset,at,counter,n,id,payload

  --from N, --to N       from offset N on, and before offset N
  --since T, --until T   from the time T on, and before it: 2026-01-15T12:00:00Z, or 2026-01-15 for its beginning in UTC
  --counter NAME|GLOB    only this counter, or those that match a glob, as in COUNTERS_ALLOW (* is any text, / too)
  --output FILE, -o      into a file, which is either complete and synced or not created; with --follow it grows as the log does
  --force                replaces an existing file
  --follow, -f           continue with what is written from now on, over restarts of the server, until Ctrl-C or --to; waits
                         for a log that does not exist yet
  --no-ids               omits the clients' ids. Within its IDEMPOTENCY_WINDOW an import counts each id once: a log in
                         which an id was sent again after its window gives the same counts only without them
  --excel-safe           csv only: puts a ' before names, ids and payloads that begin with = + - @, a tab or a line break.
                         Names come from anybody, and spreadsheets run what looks like a formula. Without it the fields are
                         as they are stored

--json: with --output, the summary as {"file","format","hits","damage","interrupted"}; the data is the same. On a terminal
a bar on standard error shows the progress.
Damage is a line on standard error, and so is what a repair has written down as missing, and where the log begins at a later
offset than 0; the records after it follow.
Exit status: 0; 1 if damage has cost hits, if it can't be read or written, if retention has removed what --from asks for,
or if Ctrl-C came before the end (not with --follow): then no FILE is written.`,

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
      if (isCut)
        output.writeMessage(`wal export: interrupted${given === undefined ? "" : `: ${given} was not written`}`);
      if (given !== undefined) await printOutcome(invocation, { ...outcome, file: given, isInterrupted: isCut });
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
  const { directory, from, to, follow, counter, exported } = invocation;
  const { since, until } = exported;
  const format = exportFormat(exported);
  const writing = { format, isWanted: hitSelector({ from, to, since, until, counter }), target };
  const view = await progressOf(invocation);
  let hits = 0;
  let damage = 0;
  const print = async (line: string) => {
    await target.flush();
    view.print(line);
  };
  try {
    const [oldest = 0] = from === undefined ? await directory.segmentBases().catch(() => []) : [];
    if (oldest > 0) await print(`note: this log begins at offset ${oldest}: earlier records are no longer in it`);
    target.add(format.head);
    await walkLog(
      { directory, from, to, follow, signal },
      {
        async batch(batch) {
          hits += await writeHits(batch, writing);
          view.update(Math.max(0, batch.endOffset - (from ?? 0)), hits);
        },
        async note(note) {
          if (typeof note === "object" && "damage" in note) damage++;
          await print(describeNote(note, directory));
        },
        atEnd: () => target.flush(),
      },
    );
  } finally {
    view.stop();
  }
  return { hits, damage };
}

interface Writing {
  readonly format: ExportFormat;
  readonly isWanted: (hit: StoredHit) => boolean;
  readonly target: Output;
}

async function writeHits(batch: LogBatch, { format, isWanted, target }: Writing): Promise<number> {
  let hits = 0;
  for (const hit of storedHits(batch)) {
    if (!isWanted(hit)) continue;
    hits++;
    if (target.add(format.line(hit))) await target.flush();
  }
  return hits;
}

/** Returns a progress bar, shown only on a terminal that shows nothing else. */
async function progressOf({ directory, from = 0, to, follow, exported, bar }: Invocation): Promise<ProgressView> {
  const { stderr, isStdoutTerminal } = bar;
  const isShown = stderr.isTTY === true && !follow && (exported.file !== undefined || !isStdoutTerminal);
  if (!isShown) return progressView({ stderr, totalBytes: undefined, quiet: true });
  const end = await endOfLog(directory);
  return progressView({ stderr, totalBytes: Math.max(0, Math.min(end, to ?? end) - from), quiet: false });
}

interface Written extends Outcome {
  readonly file: string;
  readonly isInterrupted: boolean;
}

async function printOutcome({ json, exported, output }: Invocation, { file, hits, damage, isInterrupted }: Written) {
  if (json) await output.writeJson({ file, format: exported.format, hits, damage, interrupted: isInterrupted });
  else if (!isInterrupted) {
    const lacking = damage === 0 ? "" : `; damage in ${plural(damage, "place")} may have cost others`;
    await output.writeLines([`${grouped(hits)} ${hits === 1 ? "hit" : "hits"} in ${file}${lacking}`]);
  }
}
