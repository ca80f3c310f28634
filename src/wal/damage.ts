/**
 * Bytes that the log should have and does not: something proves that they were there (a later batch, the next segment's
 * header, a seal, a snapshot, a checkpoint). Invalid bytes without such proof are a torn tail, which is not damage.
 */
export interface Damage {
  /** The file's name in the log directory. */
  readonly file: string;
  /** The first missing byte of the file. */
  readonly byte: number;
  /** The offsets that can't be read: `[from, to)`. `to` is undefined if the end is unknown. */
  readonly from: number;
  readonly to: number | undefined;
  readonly expected: string;
  readonly found: string;
}

/** Describes damage in one line: file, byte, offsets, expected, found. */
export function describeDamage(damage: Damage): string {
  const to = damage.to === undefined ? "?" : String(damage.to);
  return `${damage.file} byte ${damage.byte}, offsets ${damage.from} to ${to}: expected ${damage.expected}, found ${damage.found}`;
}
