/** Formats of sizes, times and numbers for people, shared by commands, findings and messages. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** Formats a size: `512 B`, `1.5 MiB`. */
export function humanBytes(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit] ?? ""}`;
}

/** Formats a time as RFC 3339 with milliseconds. A number that is no date, which only a bug could have written, stays a number. */
export function rfc3339(milliseconds: number): string {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? String(milliseconds) : date.toISOString();
}

/** Formats a time as RFC 3339 to the second, for columns; `-` for none. */
export function seconds(milliseconds: number | undefined): string {
  return milliseconds === undefined ? "-" : rfc3339(milliseconds).replace(/\.\d{3}Z$/, "Z");
}

/** Formats an age: `12s`, `5m`, `3h`, `2d`. */
export function humanAge(milliseconds: number): string {
  const age = Math.max(0, Math.floor(milliseconds / 1000));
  if (age < 120) return `${age}s`;
  if (age < 7200) return `${Math.floor(age / 60)}m`;
  return age < 172_800 ? `${Math.floor(age / 3600)}h` : `${Math.floor(age / 86_400)}d`;
}

/** Formats a number with its noun: `1 hit`, `2 hits`. */
export function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}
