import path from "node:path";
import { readSnapshots, type SnapshotFile } from "../../projection/snapshot/snapshot.js";
import type { SnapshotFacts } from "../../projection/snapshot/snapshot-format.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import { type Registration, readRegistrations } from "../../wal/registrations.js";
import { PROJECTION_DIRECTORY, SNAPSHOT_DIRECTORY } from "../../wal/segment-name.js";
import type { WitnessFinding } from "./finding.js";

/** A snapshot or registration that proves how far the log had come. */
export interface Witness {
  readonly kind: "snapshot" | "registration";
  /** Its path within the log directory. */
  readonly file: string;
  readonly offset: number;
  readonly epoch: number;
  readonly nonce: string;
}

/** The snapshots and registrations of a log directory. */
export interface WitnessFiles {
  /** Newest first. */
  readonly snapshots: readonly SnapshotFile[];
  readonly registrations: readonly (Registration & { readonly damaged?: string })[];
}

/** Reads every byte of them. Throws `ENOENT` if the server has just removed one. */
export async function readWitnessFiles(directory: LogDirectory): Promise<WitnessFiles> {
  const files: SnapshotFile[] = [];
  for await (const { file, bytes, facts, invalid } of readSnapshots(directory)) {
    files.push({ file, bytes, facts, invalid });
  }
  return { snapshots: files, registrations: await readRegistrations(directory) };
}

/** Returns the facts of the snapshot that a start would use. */
export function newestSound(files: readonly SnapshotFile[]): SnapshotFacts | undefined {
  return files.find(({ invalid }) => invalid === undefined)?.facts;
}

export function snapshotPath(file: string): string {
  return path.posix.join(SNAPSHOT_DIRECTORY, file);
}

/** Returns the files that still prove an offset. A snapshot whose totals are damaged does, too. */
export function witnessesOf({ snapshots, registrations }: WitnessFiles): Witness[] {
  const witnesses: Witness[] = [];
  for (const { file, facts } of snapshots) {
    if (facts === undefined) continue;
    const { offset, epoch, nonce } = facts;
    witnesses.push({ kind: "snapshot", file: snapshotPath(file), offset, epoch, nonce });
  }
  for (const { name, damaged, offset, epoch, nonce } of registrations) {
    if (damaged !== undefined) continue;
    witnesses.push({ kind: "registration", file: registrationPath(name), offset, epoch, nonce });
  }
  return witnesses;
}

/** Checks the files themselves, without the log's records. */
export function witnessFindings({ snapshots, registrations }: WitnessFiles, logId: string | undefined) {
  const findings: WitnessFinding[] = [];
  const fallback = newestSound(snapshots);
  for (const { file, facts, invalid } of snapshots) {
    const offset = Number.parseInt(file, 10);
    const place = { kind: "snapshot", file: snapshotPath(file), byte: 0, offset } as const;
    if (invalid !== undefined) {
      const expected = "a snapshot that passes its checksums";
      const used = fallback === undefined ? "the log from its beginning" : `the snapshot at offset ${fallback.offset}`;
      findings.push({ ...place, expected, found: `one of which ${invalid}; ${used} is used`, invalid });
    }
    if (facts !== undefined && facts.offset !== offset) {
      findings.push({ ...place, expected: `offset ${offset}, as in its name`, found: `${facts.offset}` });
    }
    if (facts !== undefined && logId !== undefined && facts.logId !== logId) {
      findings.push({ ...place, expected: `log ${logId}, as in the segments`, found: `log ${facts.logId}` });
    }
  }
  for (const { name, damaged } of registrations) {
    if (damaged === undefined) continue;
    const place = { kind: "registration", file: registrationPath(name), byte: 0, offset: 0 } as const;
    const expected = "how far a projection has come, as JSON";
    const found = `${damaged}; retention removes nothing until it is written again, or forgotten`;
    findings.push({ ...place, expected, found, invalid: damaged });
  }
  return findings;
}

function registrationPath(name: string): string {
  return path.posix.join(PROJECTION_DIRECTORY, `${name}.json`);
}
