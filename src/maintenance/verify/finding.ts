import { plural } from "../../model/text.js";
import type { Damage } from "../../wal/damage.js";
import type { MissingRange } from "../../wal/missing-ranges.js";

/** A place where something is not as it should be. */
interface Place {
  /** The file's path within the log directory. */
  readonly file: string;
  /** The byte in the file, and the offset that the log should have there. */
  readonly byte: number;
  readonly offset: number;
  readonly expected: string;
  readonly found: string;
}

/** Bytes of the log that are missing or wrong. */
export interface DamageFinding extends Place {
  readonly kind: "damage";
  /** The damage that a repair writes down as missing; undefined if a repair can do nothing about it. */
  readonly damage: Damage | undefined;
  /** Sound snapshots that lack these records, if readers no longer meet the damage. */
  readonly rememberedBy?: readonly string[];
}

/** A snapshot or registration that is damaged, or that does not agree with the log. */
export interface WitnessFinding extends Place {
  readonly kind: "snapshot" | "registration";
  /** The reason why the file can't be read: a repair moves it out of the way. */
  readonly invalid?: string;
  /** The end of the log that it proves to be lost. */
  readonly lostEnd?: Damage;
}

/** Offsets that a repair has written down as missing. Sound. */
export interface MissingFinding extends Place {
  readonly kind: "missing";
  readonly range: MissingRange;
}

/** Leftovers of crashes, and changes where no record is. Sound: nothing that was acknowledged is concerned. */
export interface HarmlessFinding extends Place {
  readonly kind: "torn tail" | "leftover" | "padding";
}

/** Something that is not as it should be, with what a repair needs to know about it. */
export type Finding = DamageFinding | WitnessFinding | MissingFinding | HarmlessFinding;

const SOUND: readonly Finding["kind"][] = ["torn tail", "leftover", "padding", "missing"];

export function isSound({ kind }: Finding): boolean {
  return SOUND.includes(kind);
}

export function missingFinding(range: MissingRange): MissingFinding {
  const { file, byte, from, to, expected, settled, repaired, restoredRecords } = range;
  const restored =
    restoredRecords.length === 0 ? "" : `, ${plural(restoredRecords.length, "record")} restored in their place`;
  const open = settled ? "" : "; MongoDB has not been asked yet, and its projection waits before them";
  const found = `offsets ${from} to ${to} written down as missing on ${repaired}${restored}${open}`;
  return { kind: "missing", file, byte, offset: from, expected, found, range };
}

export function damageFinding(damage: Damage): DamageFinding {
  const { file, byte, from, to, expected, found } = damage;
  const missing = to === undefined ? "" : ` (offsets ${from} to ${to} can't be read)`;
  return { kind: "damage", file, byte, offset: from, expected, found: `${found}${missing}`, damage };
}
