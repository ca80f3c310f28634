import { hash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import * as assert from "uvu/assert";
import { countHits } from "../../../src/maintenance/counts.js";
import { readHistory } from "../../../src/maintenance/log-history.js";
import { View } from "../../../src/projection/view.js";
import { LogDirectory } from "../../../src/wal/log-directory.js";
import { readMissingRanges } from "../../../src/wal/missing-ranges.js";
import { LocalLog } from "../../support/local-log.js";
import { wal } from "./harness.js";
import { verify } from "./verified.js";

export interface RepairDocument {
  readonly done: boolean;
  readonly steps: readonly { readonly kind: string; readonly file: string | null; readonly detail: string }[];
  readonly byHand: readonly string[];
  readonly mongodb: string;
  readonly unexplained: readonly { readonly counter: string }[];
  readonly left: readonly string[];
  readonly sound: boolean | null;
}

/** Counts a log by counter. */
export async function counts(directory: string) {
  const { damage, counters } = await countHits(new LogDirectory(directory));
  const byName = Object.fromEntries(counters.map((row) => [row.counter, row.count]));
  return { incomplete: damage.length > 0, counters: byName };
}

/** The same from as far back as the log itself goes. */
export async function countedAnew(directory: string, logId: string): Promise<Record<string, number>> {
  const missing = await readMissingRanges(new LogDirectory(directory));
  const { counters } = await readHistory(new LogDirectory(directory), logId, { missing });
  return Object.fromEntries([...counters].map(([name, { total }]) => [name, total]));
}

/** All files of a log directory, but for the lock, with a checksum of each. */
export function files(directory: string): Record<string, string> {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const relative = names.map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name))).sort();
  const shown = relative.filter((file) => file !== "lock");
  return Object.fromEntries(shown.map((file) => [file, hash("sha256", readFileSync(path.join(directory, file)))]));
}

/** Repairs dry, then for real, then once more, and checks each; returns the kinds of steps. */
export async function repaired(directory: string): Promise<string[]> {
  const before = files(directory);
  const dry = await wal(directory, "repair", "--json");
  assert.equal(files(directory), before, "a dry run changes nothing");
  assert.is(dry.status, 0, dry.stdout + dry.stderr);
  const done = await wal(directory, "repair", "--yes", "--json");
  assert.is(done.status, 0, done.stdout + done.stderr);
  const kinds = ({ stdout }: { stdout: string }) =>
    (JSON.parse(stdout) as RepairDocument).steps.map(({ kind }) => kind);
  assert.equal(kinds(dry), kinds(done), "the dry run's steps are those of the repair");
  const { findings, sound } = await verify(directory);
  assert.is(sound, true, JSON.stringify(findings));
  const after = files(directory);
  const again = await wal(directory, "repair", "--yes");
  assert.is(again.stdout, "nothing to do\n");
  assert.is(again.status, 0);
  assert.equal(files(directory), after, "and a second one changes nothing");
  return kinds(done);
}

/** Starts on it as a server does, twice: the counts are right and complete, and it counts on. */
export async function serves(directory: string, counters: Record<string, number>): Promise<void> {
  let id = "";
  for (const round of [1, 2]) {
    const run = await LocalLog.open(directory);
    id = run.log.id;
    assert.equal(run.log.damage, []);
    const view = new View(run.local, undefined);
    for (const [counter, count] of Object.entries(counters)) {
      assert.is(view.counter(counter).count, count, `${counter} in round ${round}`);
      assert.is(view.counter(counter).incomplete, undefined);
    }
    await run.hit("fresh");
    await run.local.snapshot();
    await run.close();
  }
  assert.equal(await counts(directory), { incomplete: false, counters: { ...counters, fresh: 2 } });
  const recounted = await countedAnew(directory, id);
  for (const [counter, count] of Object.entries(counters))
    assert.is(recounted[counter] ?? 0, count, `${counter}, recounted`);
  assert.is((await verify(directory)).sound, true);
}
