import { HitsError } from "../../errors.js";
import { againWhenOvertaken, checkLogDirectory, readToEnd } from "../../maintenance/log-directory.js";
import { plural } from "../../model/text.js";
import { loadSnapshots } from "../../projection/local.js";
import { Totals } from "../../projection/totals.js";
import { type Damage, describeDamage } from "../../wal/damage.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import { LogReader } from "../../wal/log-reader.js";
import { readMissingRanges, unreadableList } from "../../wal/missing-ranges.js";
import { printableJson, printableName } from "../terminal/text.js";
import type { Command, Invocation } from "./command.js";

export interface Counts {
  /** The snapshot that was started from; undefined where the whole log was read. */
  readonly snapshot: string | undefined;
  /** The log itself was read from here up to `end`, which is not included. */
  readonly readFrom: number;
  readonly end: number;
  /** What the log could not give up: the counts may be too low by as much. */
  readonly damage: readonly Damage[];
  /** Snapshots that can't be used, and why. */
  readonly passedBy: readonly string[];
  readonly hits: number;
  /** The highest count first, then by name. */
  readonly counters: readonly { readonly counter: string; readonly count: number }[];
}

export const countsCommand: Command = {
  name: "counts",
  synopsis: "[--top N]",
  summary: "hits by counter: snapshot + rest of the log, and from where the log itself was read",
  options: ["top"],
  help: `Starts from the newest sound snapshot, adds what the log holds behind it, and prints the counters, the highest count
first. The first line says from which offset the log itself was read. Rows are as \`uniq -c\` writes them: without the
first two lines (tail -n +3) they can be compared with what cat shows.

  --top N   only the first N

  --json: {"readFrom","end","incomplete","counters":[{"counter","count"}]}; end is the first offset not included;
  incomplete is true where damage in the log (a line on standard error for each place) may have cost hits.
Exit status: 0; 1 where it can't be read, or what no snapshot covers is no longer there.`,

  async run(invocation) {
    const { directory, output } = invocation;
    await checkLogDirectory(directory);
    const counts = await againWhenOvertaken(() => countHits(directory));
    for (const why of counts.passedBy) output.complain(`snapshot ${why}: passed by`);
    for (const damage of counts.damage) {
      output.complain(`damage, counts may be too low: ${describeDamage(damage)}`);
    }
    await (invocation.json ? printJson(counts, invocation) : printRows(counts, invocation));
    return 0;
  },
};

/** Counts from the newest sound snapshot on. Throws `OFFSET_GONE` where the log no longer goes back that far. */
export async function countHits(directory: LogDirectory): Promise<Counts> {
  const loaded = await loadSnapshots(directory);
  const totals = loaded.newest?.totals ?? new Totals();
  const missing = await readMissingRanges(directory);
  const damage = (loaded.newest?.facts.damage ?? []).filter((one) => !missing.covers(one));
  if (missing.damaged !== undefined) damage.push(unreadableList(missing.damaged));
  const remembered = new Set(damage.map(place));
  const readFrom = loaded.newest?.facts.offset ?? 0;
  let end = readFrom;
  let isAnySegment = true;
  const reader = new LogReader({ directory, from: readFrom, missing });
  try {
    const logEnd = await readToEnd(reader, {
      batch(batch) {
        end = Math.max(end, batch.endOffset);
        totals.fold(batch);
      },
      damage(one) {
        end = Math.max(end, one.to ?? 0);
        if (!remembered.has(place(one))) damage.push(one);
      },
    });
    isAnySegment = logEnd.segment !== undefined;
  } catch (error) {
    throw loaded.newest === undefined ? withoutSnapshot(error) : error;
  } finally {
    await reader.close();
  }
  const witness = loaded.witnesses[0];
  if (!isAnySegment && witness !== undefined) damage.push(noSegments(witness.source, readFrom));
  return {
    snapshot: loaded.newest === undefined ? undefined : `at offset ${readFrom}`,
    readFrom,
    end,
    damage,
    passedBy: loaded.damaged.map(({ file, invalid }) => `${file} (${invalid})`),
    hits: totals.sum,
    counters: sorted(totals),
  };
}

function place({ file, byte }: Damage): string {
  return `${file}:${byte}`;
}

function noSegments(source: string, from: number): Damage {
  const expected = `the segments that ${source} was made from`;
  return { file: "*.log", byte: 0, from, to: undefined, expected, found: "none" };
}

function withoutSnapshot(error: unknown): unknown {
  if (!(error instanceof HitsError && error.code === "OFFSET_GONE")) return error;
  const message = `the totals are unknown: ${error.message}, and there is none that can be read`;
  return new HitsError("OFFSET_GONE", message, { cause: error });
}

function sorted(totals: Totals): Counts["counters"] {
  // By name first: sorting keeps that order among equal counts.
  return totals.order
    .page("", undefined, Number.POSITIVE_INFINITY)
    .map((counter) => ({ counter, count: totals.count(counter) }))
    .sort((a, b) => b.count - a.count);
}

async function printRows(counts: Counts, { top, output }: Invocation): Promise<void> {
  const from = counts.snapshot === undefined ? "no snapshot" : `snapshot ${counts.snapshot}`;
  const all = `${plural(counts.hits, "hit")} of ${plural(counts.counters.length, "counter")}`;
  output.line(`${from}; log read from ${counts.readFrom} to ${counts.end}; ${all}`);
  // The width of `uniq -c`, wider for a count that needs it.
  const width = Math.max(7, String(counts.counters[0]?.count ?? 0).length);
  output.line(`${"HITS".padStart(width)} COUNTER`);
  for (const { counter, count } of counts.counters.slice(0, top)) {
    if (output.line(`${String(count).padStart(width)} ${printableName(counter)}`)) await output.flush();
  }
  await output.flush();
}

async function printJson({ readFrom, end, damage, counters }: Counts, { top, output }: Invocation): Promise<void> {
  const head = JSON.stringify({ readFrom, end, incomplete: damage.length > 0 }).slice(0, -1);
  output.put(`${head},"counters":[`);
  for (const [index, row] of counters.slice(0, top).entries()) {
    const json = printableJson(JSON.stringify(row));
    if (output.put(index === 0 ? json : `,${json}`)) await output.flush();
  }
  output.line("]}");
  await output.flush();
}
