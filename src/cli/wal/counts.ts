import { type Counts, countHits } from "../../maintenance/counts.js";
import { checkLogDirectory } from "../../maintenance/log-directory.js";
import { retryOnRetention } from "../../maintenance/read-log.js";
import { plural } from "../../model/text.js";
import { describeDamage } from "../../wal/damage.js";
import { printableJson, printableName } from "../terminal/text.js";
import type { Command, Invocation } from "./command.js";

export const countsCommand: Command = {
  name: "counts",
  synopsis: "[--top N]",
  summary: "hits by counter: snapshot + rest of the log, and from where the log itself was read",
  options: ["top"],
  help: `Starts from the newest sound snapshot, adds what the log has after it, and prints the counters, the highest count
first. The first line has the offset from which the log itself was read. Rows have the format of \`uniq -c\`: without the
first two lines (tail -n +3) they can be compared with the output of cat.

  --top N   only the first N

  --json: {"readFrom","end","incomplete","counters":[{"counter","count"}]}; end is the first offset not included;
  incomplete is true if damage in the log (a line on standard error for each place) may have cost hits.
Exit status: 0; 1 if it can't be read, or if what no snapshot covers no longer exists.`,

  async run(invocation) {
    const { directory, output } = invocation;
    await checkLogDirectory(directory);
    const counts = await retryOnRetention(() => countHits(directory));
    for (const { file, why } of counts.skipped) output.writeMessage(`skipped snapshot ${file} (${why})`);
    for (const damage of counts.damage) {
      output.writeMessage(`damage, counts may be too low: ${describeDamage(damage)}`);
    }
    await (invocation.json ? printJson(counts, invocation) : printRows(counts, invocation));
    return 0;
  },
};

async function printRows(counts: Counts, { top, output }: Invocation): Promise<void> {
  const from = counts.snapshot === undefined ? "no snapshot" : `snapshot at offset ${counts.snapshot}`;
  const all = `${plural(counts.hits, "hit")} of ${plural(counts.counters.length, "counter")}`;
  output.addLine(`${from}; log read from ${counts.readFrom} to ${counts.end}; ${all}`);
  // The width of `uniq -c`, wider for a count that needs it.
  const width = Math.max(7, String(counts.counters[0]?.count ?? 0).length);
  output.addLine(`${"HITS".padStart(width)} COUNTER`);
  for (const { counter, count } of counts.counters.slice(0, top)) {
    if (output.addLine(`${String(count).padStart(width)} ${printableName(counter)}`)) await output.flush();
  }
  await output.flush();
}

async function printJson({ readFrom, end, damage, counters }: Counts, { top, output }: Invocation): Promise<void> {
  const head = JSON.stringify({ readFrom, end, incomplete: damage.length > 0 }).slice(0, -1);
  output.add(`${head},"counters":[`);
  for (const [index, row] of counters.slice(0, top).entries()) {
    const json = printableJson(JSON.stringify(row));
    if (output.add(index === 0 ? json : `,${json}`)) await output.flush();
  }
  output.addLine("]}");
  await output.flush();
}
