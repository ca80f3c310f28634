/** Segments are named by their base offset, twenty digits, so that names sort as offsets do. */
const SEGMENT = /^(\d{20})\.log$/;

/** The next segment before it has its header and its name. */
export const PREPARED_NAME = "prepared.tmp";
export const LOCK_NAME = "lock";
export const SNAPSHOT_DIRECTORY = "snapshots";
export const PROJECTION_DIRECTORY = "projections";
/** What repairs have written down (missing-ranges.ts), and where they put what they took (quarantine.ts). */
export const MISSING_NAME = "missing.json";
export const QUARANTINE_DIRECTORY = "quarantine";

export function segmentName(baseOffset: number): string {
  return `${String(baseOffset).padStart(20, "0")}.log`;
}

/** The base offsets of the segments among these names, ascending. */
export function segmentBases(names: readonly string[]): number[] {
  const bases: number[] = [];
  for (const name of names) {
    const digits = SEGMENT.exec(name)?.[1];
    const base = digits === undefined ? Number.NaN : Number(digits);
    if (Number.isSafeInteger(base)) bases.push(base);
  }
  return bases.sort((a, b) => a - b);
}

/** What a log directory may hold beside the log's own files: placed there by people, version control or a mount. */
export function isTolerated(name: string): boolean {
  return name.startsWith(".") || name === "README.md" || name === "README" || name === "lost+found";
}

/** The names that the log itself makes, besides segments. */
export function isOwnName(name: string): boolean {
  return (
    SEGMENT.test(name) ||
    name === PREPARED_NAME ||
    name === LOCK_NAME ||
    name === SNAPSHOT_DIRECTORY ||
    name === PROJECTION_DIRECTORY ||
    name === QUARANTINE_DIRECTORY ||
    name === MISSING_NAME ||
    name === `${MISSING_NAME}.tmp`
  );
}
