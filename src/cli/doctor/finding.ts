/**
 * One thing that the doctor looked at. `ok`: as it should be. `note`: to be known. `warning`: works, and may not when it
 * matters. `problem`: hits can be lost or refused, or what is set up does not work.
 */
export interface Finding {
  readonly check: string;
  readonly level: "ok" | "note" | "warning" | "problem";
  readonly found: string;
  /** What to do about it; undefined where there is nothing to do. */
  readonly advice?: string;
}

/** As one line for people. */
export function describeFinding({ check, level, found, advice }: Finding): string {
  return `${level.padEnd(7)}  ${check}: ${found}${advice === undefined ? "" : `. To do: ${advice}`}`;
}
