import { systemCode } from "../../errors.js";
import type { OpenFile } from "../../wal/file-system.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import type { MissingRanges } from "../../wal/missing-ranges.js";
import type { Witness } from "../../wal/recovery.js";
import { SNAPSHOT_DIRECTORY } from "../../wal/segment-name.js";
import { removeIfThere, replaceFile } from "../../wal/whole-file.js";
import type { Totals } from "../totals.js";
import { isBodySound, readContent, readHead } from "./snapshot-content.js";
import { encodeSnapshot, type NewSnapshot, type SnapshotFacts } from "./snapshot-format.js";

const NAME = /^(\d{20})\.snapshot$/;
/** Number of sound snapshots that are kept: the newest, and one to fall back on. */
export const KEPT_SNAPSHOTS = 2;

/**
 * Returns whether a snapshot's totals have all that the log had up to its offset: nothing that it lacked is still damage.
 * `settledOnly`: nor is there a missing range below it for which a database has yet to be asked.
 */
export function isComplete(facts: SnapshotFacts, missing: MissingRanges, settledOnly: boolean): boolean {
  if (settledOnly && facts.offset > missing.firstUnsettled) return false;
  return facts.damage.every((damage) => missing.covers(damage));
}

export interface SnapshotFile {
  readonly file: string;
  readonly bytes: number;
  /** Undefined if they can't be read. */
  readonly facts: SnapshotFacts | undefined;
  /** The fault, as text; undefined for a sound snapshot. */
  readonly invalid: string | undefined;
}

/** Writes a snapshot, durable when this resolves, and removes sound ones beyond the two newest. Resolves to its name. */
export async function writeSnapshot(directory: LogDirectory, snapshot: NewSnapshot): Promise<string> {
  const name = await addSnapshot(directory, snapshot);
  await prune(directory);
  return name;
}

/** Writes a snapshot and removes none; one at the same offset is replaced. Resolves to its name. */
export async function addSnapshot(directory: LogDirectory, snapshot: NewSnapshot): Promise<string> {
  await directory.makeFolder(SNAPSHOT_DIRECTORY);
  const name = `${String(snapshot.facts.offset).padStart(20, "0")}.snapshot`;
  await replaceFile(directory.fs, directory.file(SNAPSHOT_DIRECTORY, name), encodeSnapshot(snapshot));
  return name;
}

/** Yields all snapshots of a log directory, newest first, each read whole and checked. */
export async function* readSnapshots(
  directory: LogDirectory,
): AsyncGenerator<SnapshotFile & { totals?: Totals; keys?: Buffer }> {
  for (const name of await snapshotNames(directory)) {
    const file = await openIfThere(directory, name);
    // A running server has replaced it with a newer one since the listing.
    if (file === undefined) continue;
    try {
      yield await readSnapshot(name, file);
    } finally {
      await file.close();
    }
  }
}

async function readSnapshot(name: string, file: OpenFile): Promise<SnapshotFile & { totals?: Totals; keys?: Buffer }> {
  const bytes = await file.size();
  const head = await readHead(file, bytes);
  const base = { file: name, bytes, facts: head?.facts };
  if (head === undefined) return { ...base, invalid: "its facts fail their checksum" };
  const content = await readContent(file, head);
  if (content === undefined) return { ...base, invalid: "its totals fail their checksum" };
  return { ...base, invalid: undefined, ...content };
}

/** The snapshots of a directory, to start from. */
export interface LoadedSnapshots {
  /** The newest sound one. */
  readonly newest: { readonly facts: SnapshotFacts; readonly totals: Totals; readonly keys: Buffer } | undefined;
  readonly witnesses: readonly Witness[];
  readonly damaged: readonly SnapshotFile[];
}

export const NO_SNAPSHOTS: LoadedSnapshots = { newest: undefined, witnesses: [], damaged: [] };

/** Reads the newest sound snapshot of a log directory. Damaged ones are skipped, kept, and returned. */
export async function loadSnapshots(directory: LogDirectory): Promise<LoadedSnapshots> {
  const witnesses: Witness[] = [];
  const damaged: SnapshotFile[] = [];
  for await (const snapshot of readSnapshots(directory)) {
    const { facts, totals, keys } = snapshot;
    if (facts !== undefined) {
      witnesses.push({
        source: `snapshot ${snapshot.file}`,
        logId: facts.logId,
        offset: facts.offset,
        epoch: facts.epoch,
      });
    }
    if (facts !== undefined && totals !== undefined && keys !== undefined) {
      return { newest: { facts, totals, keys }, witnesses, damaged };
    }
    damaged.push(snapshot);
  }
  return { newest: undefined, witnesses, damaged };
}

async function openIfThere(directory: LogDirectory, name: string): Promise<OpenFile | undefined> {
  try {
    return await directory.fs.open(directory.file(SNAPSHOT_DIRECTORY, name), "read");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function snapshotNames(directory: LogDirectory): Promise<string[]> {
  const names = await directory.listIfThere(SNAPSHOT_DIRECTORY);
  return names
    .filter((name) => NAME.test(name))
    .sort()
    .reverse();
}

async function prune(directory: LogDirectory): Promise<void> {
  let sound = 0;
  for (const name of await snapshotNames(directory)) {
    // A damaged one is kept for inspection, and doesn't count.
    if (!(await isSound(directory, name))) continue;
    sound++;
    if (sound > KEPT_SNAPSHOTS) await removeIfThere(directory.fs, directory.file(SNAPSHOT_DIRECTORY, name));
  }
}

async function isSound(directory: LogDirectory, name: string): Promise<boolean> {
  const file = await openIfThere(directory, name);
  if (file === undefined) return false;
  try {
    const head = await readHead(file, await file.size());
    return head?.sections !== undefined && (await isBodySound(file, head.sections));
  } finally {
    await file.close();
  }
}
