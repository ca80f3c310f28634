/**
 * Bytes that the log should hold and doesn't: something vouches for them (a later batch, the next segment's header, a
 * seal, a snapshot, a checkpoint). Invalid bytes that nothing vouches for are a torn tail, which is no damage.
 */
export interface Damage {
  /** The file's name in the log directory. */
  readonly file: string;
  /** Where in the file the missing part begins. */
  readonly byte: number;
  /** The offsets that can't be read: `[from, to)`. `to` is undefined where nothing says how far it went. */
  readonly from: number;
  readonly to: number | undefined;
  readonly expected: string;
  readonly found: string;
}

/** One damage as one line: file, byte, offset, expected, found. */
export function describeDamage(damage: Damage): string {
  const to = damage.to === undefined ? "?" : String(damage.to);
  return `${damage.file} byte ${damage.byte}, offsets ${damage.from} to ${to}: expected ${damage.expected}, found ${damage.found}`;
}
