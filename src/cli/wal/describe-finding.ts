import { type Finding, missingFinding } from "../../maintenance/verify/finding.js";
import type { LogNote } from "../../maintenance/walk-log.js";
import { describeDamage } from "../../wal/damage.js";
import type { LogDirectory } from "../../wal/log-directory.js";

/** Returns a finding as one line. */
export function describeFinding({ kind, file, byte, offset, expected, found }: Finding): string {
  return `${kind}: ${file} byte ${byte}, offset ${offset}: expected ${expected}, found ${found}`;
}

/** Returns what a walk over a log meets besides records as one line. */
export function describeNote(note: LogNote, { path }: LogDirectory): string {
  if (note === "waiting") return `no log in ${path} yet: waiting for one`;
  if ("damage" in note) return `damage: ${describeDamage(note.damage)}`;
  return describeFinding(missingFinding(note.missing));
}
