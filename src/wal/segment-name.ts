/** Segments are named by their base offset, twenty digits, so that names sort as offsets do. */
const SEGMENT = /^(\d{20})\.log$/;

/** The next segment until it has its header and its name. */
export const PREPARED_NAME = "prepared.tmp";
export const LOCK_NAME = "lock";
export const SNAPSHOT_DIRECTORY = "snapshots";
export const PROJECTION_DIRECTORY = "projections";
/** The missing ranges that repairs have recorded (missing-ranges.ts), and the folder of what they removed (quarantine.ts). */
export const MISSING_NAME = "missing.json";
export const QUARANTINE_DIRECTORY = "quarantine";

export function segmentName(baseOffset: number): string {
  return `${String(baseOffset).padStart(20, "0")}.log`;
}

/** Returns the base offsets of the segments among these names, ascending. */
export function segmentBases(names: readonly string[]): number[] {
  const bases: number[] = [];
  for (const name of names) {
    const digits = SEGMENT.exec(name)?.[1];
    const base = digits === undefined ? Number.NaN : Number(digits);
    if (Number.isSafeInteger(base)) bases.push(base);
  }
  return bases.sort((a, b) => a - b);
}

/** True for names that may be in a log directory besides the log's own: placed there by people, version control or a mount. */
export function isTolerated(name: string): boolean {
  return name.startsWith(".") || name === "README.md" || name === "README" || name === "lost+found";
}

/** True for the names of segments and of whatever else the log creates. */
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
