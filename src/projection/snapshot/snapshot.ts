import { systemCode } from "../../errors.js";
import type { FileSystem } from "../../wal/file-system.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import type { MissingRanges } from "../../wal/missing-ranges.js";
import type { Witness } from "../../wal/recovery.js";
import { SNAPSHOT_DIRECTORY } from "../../wal/segment-name.js";
import { readWholeFile, removeIfThere, replaceFile } from "../../wal/whole-file.js";
import type { Totals } from "../totals.js";
import {
  bodyOf,
  decodeContent,
  decodeFacts,
  encodeSnapshot,
  type NewSnapshot,
  type SnapshotFacts,
} from "./snapshot-format.js";

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
  for (const file of await snapshotNames(directory)) {
    const bytes = await readIfThere(directory.fs, directory.file(SNAPSHOT_DIRECTORY, file));
    // A running server has replaced it with a newer one since the listing.
    if (bytes === undefined) continue;
    const facts = decodeFacts(bytes);
    const base = { file, bytes: bytes.length, facts };
    if (facts === undefined) yield { ...base, invalid: "its facts fail their checksum" };
    else {
      const content = decodeContent(bytes, facts);
      if (content === undefined) yield { ...base, invalid: "its totals fail their checksum" };
      else yield { ...base, invalid: undefined, ...content };
    }
  }
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

async function readIfThere(fs: FileSystem, file: string): Promise<Buffer | undefined> {
  try {
    return await readWholeFile(fs, file);
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
  for (const file of await snapshotNames(directory)) {
    const full = directory.file(SNAPSHOT_DIRECTORY, file);
    // A damaged one is kept for inspection, and doesn't count.
    const bytes = await readWholeFile(directory.fs, full);
    const facts = decodeFacts(bytes);
    if (facts === undefined || bodyOf(bytes, facts) === undefined) continue;
    sound++;
    if (sound > KEPT_SNAPSHOTS) await removeIfThere(directory.fs, full);
  }
}
