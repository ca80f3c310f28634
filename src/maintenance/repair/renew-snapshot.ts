import path from "node:path";
import { IdempotencyKeys } from "../../projection/idempotency-keys.js";
import { keyRecorder } from "../../projection/local.js";
import { addSnapshot, loadSnapshots } from "../../projection/snapshot/snapshot.js";
import { Totals } from "../../projection/totals.js";
import type { Damage } from "../../wal/damage.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import type { MissingRanges } from "../../wal/missing-ranges.js";
import { copyFileToQuarantine } from "../../wal/quarantine.js";
import { newestReadableHeader } from "../../wal/recovery-files.js";
import { SNAPSHOT_DIRECTORY } from "../../wal/segment-name.js";
import { removeIfThere } from "../../wal/whole-file.js";
import { type LogHistory, soundSnapshots } from "../log-history.js";
import { readLog } from "../read-log.js";
import type { RestorableHits } from "./restored-records.js";

/** The sources of a new snapshot. */
export interface Renewal {
  readonly history: LogHistory;
  readonly restored: readonly RestorableHits[];
  readonly missing: MissingRanges;
  /** Damage that the list of missing ranges does not have yet: the snapshot has it until then. */
  readonly lacks: readonly Damage[];
  /** Names of the snapshots that it replaces. */
  readonly stale: ReadonlySet<string>;
  readonly windowMs: number;
}

/**
 * Makes a snapshot of all that the log adds up to, and removes those that differ, once copies of them are in quarantine.
 * Ids of hits and other logs' counts, which only snapshots have, are from the newest sound one. Restored hits are counted in
 * the hour of the repair: their own is not known.
 */
export async function renewSnapshot(
  directory: LogDirectory,
  { history, restored, missing, lacks, stale, windowMs }: Renewal,
  when: string,
): Promise<void> {
  const header = await newestReadableHeader(directory, await directory.segmentBases());
  if (header === undefined) return;
  const { newest } = await loadSnapshots(directory);
  const now = Date.parse(when);
  const newestOffset = newest?.facts.offset ?? history.from;
  // If nothing is missing, the log knows best of which hours and days its hits were; else the snapshot may know more of that.
  const isWhole = restored.length + lacks.length === 0;
  const from = isWhole ? history.from : newestOffset;
  const totals = (isWhole ? await totalsAt(directory, from, header.logId) : newest?.totals) ?? new Totals();
  const keys = new IdempotencyKeys(windowMs);
  keys.restore(newest?.keys ?? Buffer.alloc(0), now);
  await readLog(
    { directory, from, missing },
    {
      batch: (batch) => {
        const isKept = batch.baseOffset >= newestOffset && keys.isKept(batch.time, now);
        totals.fold(batch, isKept ? keyRecorder(batch, totals, keys) : undefined);
      },
    },
  );
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
  for (const { counter, n } of restored) totals.addAt(totals.indexOf(counter), n, now);
  const why = "its totals are not what the log adds up to";
  for (const name of stale) {
    await copyFileToQuarantine(directory, { file: path.posix.join(SNAPSHOT_DIRECTORY, name), why, when });
  }
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

/** Returns the totals of a sound snapshot at this offset; undefined if there is none, as at the log's birth. */
async function totalsAt(directory: LogDirectory, offset: number, logId: string): Promise<Totals | undefined> {
  if (offset === 0) return undefined;
  return (await soundSnapshots(directory, logId)).find(({ facts }) => facts.offset === offset)?.totals;
}
