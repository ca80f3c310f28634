import path from "node:path";
import { readSnapshots, type SnapshotFile } from "../../projection/snapshot/snapshot.js";
import type { SnapshotFacts } from "../../projection/snapshot/snapshot-format.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import { type Registration, readRegistrations } from "../../wal/registrations.js";
import { PROJECTION_DIRECTORY, SNAPSHOT_DIRECTORY } from "../../wal/segment-name.js";
import type { Finding } from "./finding.js";
import type { Voucher } from "./vouchers.js";

/** What lies beside the segments and knows of them. */
export interface Witnesses {
  /** Newest first. */
  readonly snapshots: readonly SnapshotFile[];
  readonly registrations: readonly (Registration & { readonly damaged?: string })[];
}

/** Reads every byte of them. Throws `ENOENT` where the server has just removed one. */
export async function readWitnesses(directory: LogDirectory): Promise<Witnesses> {
  const files: SnapshotFile[] = [];
  for await (const { file, bytes, facts, invalid } of readSnapshots(directory)) {
    files.push({ file, bytes, facts, invalid });
  }
  return { snapshots: files, registrations: await readRegistrations(directory) };
}

/** The facts of the snapshot that a start would use. */
export function newestSound(files: readonly SnapshotFile[]): SnapshotFacts | undefined {
  return files.find(({ invalid }) => invalid === undefined)?.facts;
}

export function snapshotPath(file: string): string {
  return path.posix.join(SNAPSHOT_DIRECTORY, file);
}

/** Those that still say how far the log had come, damaged or not. */
export function vouchersOf(witnesses: Witnesses): Voucher[] {
  const vouchers: Voucher[] = [];
  for (const { file, facts } of witnesses.snapshots) {
    if (facts === undefined) continue;
    const { offset, epoch, nonce } = facts;
    vouchers.push({ kind: "snapshot", file: snapshotPath(file), offset, epoch, nonce });
  }
  for (const { name, damaged, offset, epoch, nonce } of witnesses.registrations) {
    if (damaged !== undefined) continue;
    vouchers.push({ kind: "registration", file: registrationPath(name), offset, epoch, nonce });
  }
  return vouchers;
}

/** What is wrong with these files by themselves. */
export function witnessFindings(witnesses: Witnesses, logId: string | undefined): Finding[] {
  const findings: Finding[] = [];
  const fallback = newestSound(witnesses.snapshots);
  for (const { file, facts, invalid } of witnesses.snapshots) {
    const offset = Number.parseInt(file, 10);
    const finding = (expected: string, found: string) =>
      findings.push({ kind: "snapshot", file: snapshotPath(file), byte: 0, offset, expected, found });
    if (invalid !== undefined) {
      const instead =
        fallback === undefined ? "the log from its beginning" : `the snapshot at offset ${fallback.offset}`;
      finding("a snapshot that passes its checksums", `one of which ${invalid}; ${instead} is used`);
    }
    if (facts !== undefined && facts.offset !== offset)
      finding(`offset ${offset}, as its name says`, `${facts.offset}`);
    if (facts !== undefined && logId !== undefined && facts.logId !== logId) {
      finding(`log ${logId}, as the segments say`, `log ${facts.logId}`);
    }
  }
  for (const { name, damaged } of witnesses.registrations) {
    if (damaged === undefined) continue;
    const found = `${damaged}; nothing is deleted until it is written anew, or forgotten`;
    findings.push({
      kind: "registration",
      file: registrationPath(name),
      byte: 0,
      offset: 0,
      expected: "how far a projection has come, as JSON",
      found,
    });
  }
  return findings;
}

function registrationPath(name: string): string {
  return path.posix.join(PROJECTION_DIRECTORY, `${name}.json`);
}
