import path from "node:path";
import { IdempotencyKeys } from "../projection/idempotency-keys.js";
import { keep, loadSnapshots } from "../projection/local.js";
import { putSnapshot } from "../projection/snapshot.js";
import { Totals } from "../projection/totals.js";
import type { Damage } from "../wal/damage.js";
import type { FileSystem } from "../wal/file-system.js";
import { LogReader } from "../wal/log-reader.js";
import type { MissingRanges } from "../wal/missing-ranges.js";
import { keepWhole } from "../wal/quarantine.js";
import { newestReadableHeader } from "../wal/recovery-files.js";
import { SNAPSHOT_DIRECTORY, segmentBases } from "../wal/segment-name.js";
import { removeIfThere } from "../wal/whole-file.js";
import type { History } from "./history.js";
import { readToEnd } from "./log-directory.js";
import type { PlannedMend } from "./mends.js";

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
 * quarantine. What only a snapshot has (ids of hits, other logs' counts) comes from the newest sound one.
 */
export async function renewSnapshot(
  fs: FileSystem,
  directory: string,
  { history, mends, missing, lacks, stale, windowMs }: Renewal,
  when: string,
): Promise<void> {
  const header = await newestReadableHeader(fs, directory, segmentBases(await fs.list(directory)));
  if (header === undefined) return;
  const { newest } = await loadSnapshots(fs, directory);
  const now = Date.parse(when);
  const totals = newest?.totals ?? new Totals();
  const keys = new IdempotencyKeys(windowMs);
  keys.restore(newest?.keys ?? Buffer.alloc(0), now);
  const reader = new LogReader({ fs, directory, from: newest?.facts.offset ?? history.from, missing });
  const batch: Parameters<typeof readToEnd>[1]["batch"] = (one) =>
    totals.fold(one, keys.isKept(one.time, now) ? keep(one, totals, keys) : undefined);
  await readToEnd(reader, { batch, damage: () => undefined }).finally(() => reader.close());
  for (const [counter, { total }] of history.counters) {
    const index = totals.indexOf(counter);
    totals.add(index, total - totals.countAt(index));
  }
  for (const { counter, n } of mends) totals.add(totals.indexOf(counter), n);
  const why = "its totals are not what the log adds up to";
  for (const file of stale) await keepWhole(fs, directory, path.posix.join(SNAPSHOT_DIRECTORY, file), why, when);
  const { logId, epoch, nonce } = header;
  const facts = { logId, epoch, nonce, offset: history.end, created: when, asOf: newest?.facts.asOf ?? null };
  const damage = lacks.map(({ file, byte, from, to, expected, found }) => ({ file, byte, from, to, expected, found }));
  const written = await putSnapshot(fs, directory, { ...facts, damage }, totals.image(), keys.image());
  const folder = path.join(directory, SNAPSHOT_DIRECTORY);
  for (const file of stale) if (file !== written) await removeIfThere(fs, path.join(folder, file));
  await fs.syncDirectory(folder);
}
