import path from "node:path";
import { IdempotencyKeys } from "../../projection/idempotency-keys.js";
import { keyRecorder, loadSnapshots } from "../../projection/local.js";
import { addSnapshot, readSnapshots } from "../../projection/snapshot/snapshot.js";
import { Totals } from "../../projection/totals.js";
import type { Damage } from "../../wal/damage.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import { LogReader } from "../../wal/log-reader.js";
import type { MissingRanges } from "../../wal/missing-ranges.js";
import { copyFileToQuarantine } from "../../wal/quarantine.js";
import { newestReadableHeader } from "../../wal/recovery-files.js";
import { SNAPSHOT_DIRECTORY } from "../../wal/segment-name.js";
import { removeIfThere } from "../../wal/whole-file.js";
import { readToEnd } from "../log-directory.js";
import type { History } from "../log-history.js";
import type { PlannedMend } from "./restored-records.js";

export interface Renewal {
  readonly history: History;
  /** What others knew besides. */
  readonly mends: readonly PlannedMend[];
  readonly missing: MissingRanges;
  /** What the log lacks: the snapshot says so until the list of what is missing does. */
  readonly lacks: readonly Damage[];
  /** Names of snapshots whose place it takes. */
  readonly stale: ReadonlySet<string>;
  readonly windowMs: number;
}

/**
 * Makes a snapshot of all that the log adds up to, and takes away those that say something else, once copies of them are in
 * quarantine. What only a snapshot has (ids of hits, other logs' counts) comes from the newest sound one. Hits that others
 * knew of are counted in the hour of the repair: it is not known when they were.
 */
export async function renewSnapshot(
  directory: LogDirectory,
  { history, mends, missing, lacks, stale, windowMs }: Renewal,
  when: string,
): Promise<void> {
  const header = await newestReadableHeader(directory, await directory.segmentBases());
  if (header === undefined) return;
  const { newest } = await loadSnapshots(directory);
  const now = Date.parse(when);
  const known = newest?.facts.offset ?? history.from;
  // Where nothing is missing the log says best of which hours and days its hits were; else the snapshot may know more of that.
  const isWhole = mends.length + lacks.length === 0;
  const from = isWhole ? history.from : known;
  const totals = (isWhole ? await totalsAt(directory, from, header.logId) : newest?.totals) ?? new Totals();
  const keys = new IdempotencyKeys(windowMs);
  keys.restore(newest?.keys ?? Buffer.alloc(0), now);
  const reader = new LogReader({ directory, from, missing });
  const batch: Parameters<typeof readToEnd>[1]["batch"] = (one) =>
    totals.fold(
      one,
      one.baseOffset >= known && keys.isKept(one.time, now) ? keyRecorder(one, totals, keys) : undefined,
    );
  await readToEnd(reader, { batch, damage: () => undefined }).finally(() => reader.close());
  for (const [name, index] of newest?.totals.names() ?? []) {
    totals.setRemote(totals.indexOf(name), newest?.totals.remote(index) ?? 0);
  }
  totals.series.noteTime(now);
  for (const [counter, { total }] of history.counters) {
    const index = totals.indexOf(counter);
    const more = total - totals.countAt(index);
    totals.add(index, more);
    if (more > 0) totals.series.add(index, more, now);
  }
  for (const { counter, n } of mends) totals.addAt(totals.indexOf(counter), n, now);
  const why = "its totals are not what the log adds up to";
  for (const file of stale) await copyFileToQuarantine(directory, path.posix.join(SNAPSHOT_DIRECTORY, file), why, when);
  const { logId, epoch, nonce } = header;
  const facts = { logId, epoch, nonce, offset: history.end, created: when, asOf: newest?.facts.asOf ?? null };
  const damage = lacks.map(({ file, byte, from, to, expected, found }) => ({ file, byte, from, to, expected, found }));
  const written = await addSnapshot(directory, {
    facts: { ...facts, damage },
    image: totals.image(),
    keys: keys.image(),
  });
  for (const file of stale) {
    if (file !== written) await removeIfThere(directory.fs, directory.file(SNAPSHOT_DIRECTORY, file));
  }
  await directory.sync(SNAPSHOT_DIRECTORY);
}

/** What a sound snapshot of this log has at an offset; undefined where there is none, as at the log's birth. */
async function totalsAt(directory: LogDirectory, offset: number, logId: string): Promise<Totals | undefined> {
  if (offset === 0) return undefined;
  for await (const { facts, totals } of readSnapshots(directory)) {
    if (facts?.logId === logId && facts.offset === offset && totals !== undefined) return totals;
  }
  return undefined;
}
