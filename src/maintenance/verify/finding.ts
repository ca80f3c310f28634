import { plural } from "../../model/text.js";
import type { Damage } from "../../wal/damage.js";
import type { MissingRange } from "../../wal/missing-ranges.js";

/**
 * Something that is not as it should be. `torn tail` and `leftover` are what crashes leave, `padding` is where no record
 * lies: sound, since nothing that was acknowledged is concerned; `missing` is damage that a repair has written down. All
 * others count as damage.
 */
export interface Finding {
  readonly kind: "damage" | "missing" | "torn tail" | "snapshot" | "registration" | "leftover" | "padding";
  /** The file's path within the log directory. */
  readonly file: string;
  /** Where in the file; the offset that the log should have there. */
  readonly byte: number;
  readonly offset: number;
  readonly expected: string;
  readonly found: string;
}

export function isSound({ kind }: Finding): boolean {
  return kind === "torn tail" || kind === "leftover" || kind === "padding" || kind === "missing";
}

/** Offsets that a repair has written down. */
export function missingFinding({
  file,
  byte,
  from,
  to,
  expected,
  settled,
  repaired,
  restoredRecords,
}: MissingRange): Finding {
  const known =
    restoredRecords.length === 0
      ? ""
      : `, ${plural(restoredRecords.length, "record")} standing in for what others knew of them`;
  const open = settled ? "" : "; MongoDB has not been asked yet, and its projection waits in front of them";
  const found = `offsets ${from} to ${to} written down as missing on ${repaired}${known}${open}`;
  return { kind: "missing", file, byte, offset: from, expected, found };
}

export function damageFinding({ file, byte, from, to, expected, found }: Damage): Finding {
  const missing = to === undefined ? "" : ` (offsets ${from} to ${to} can't be read)`;
  return { kind: "damage", file, byte, offset: from, expected, found: `${found}${missing}` };
}
