import { readFileSync } from "node:fs";
import { describeError, HitsError } from "./errors.js";

/** Single settings, by the type of their values. All throw `INVALID_SETTING`; an empty value counts as unset. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Returns the error for an invalid setting, as one line: variable, value, and what is expected. */
export function invalid(name: string, value: string, expected: string): HitsError {
  return new HitsError("INVALID_SETTING", `${name}=${value}: ${expected}`);
}

export const KIB = 1024;
const SIZES: Record<string, number> = {
  "": 1,
  B: 1,
  KB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  TB: 1000 ** 4,
  KIB: KIB,
  MIB: KIB ** 2,
  GIB: KIB ** 3,
  TIB: KIB ** 4,
};
export const DURATIONS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads a setting that may be in a file instead, whose name is in `NAME_FILE`. */
export function secret(environment: Environment, name: string): string | undefined {
  const value = present(environment, name);
  const file = present(environment, `${name}_FILE`);
  if (file === undefined) return value;
  if (value !== undefined) throw invalid(`${name}_FILE`, file, `must not be set together with ${name}`);
  try {
    const content = readFileSync(file, "utf8").trim();
    if (content === "") throw new Error("the file is empty");
    return content;
  } catch (error) {
    throw invalid(`${name}_FILE`, file, `must be a readable file (${describeError(error)})`);
  }
}

export function present(environment: Environment, name: string): string | undefined {
  const value = environment[name]?.trim();
  return value === "" ? undefined : value;
}

interface Range {
  readonly unset: number;
  readonly min: number;
  readonly max: number;
}

export function integer(environment: Environment, name: string, { unset, min, max }: Range): number {
  const value = present(environment, name);
  if (value === undefined) return unset;
  const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw invalid(name, value, `must be an integer from ${min} to ${max}`);
}

/** `forever`, where it is an option, is infinite. */
interface Endless {
  readonly forever?: true;
}

/** Reads a size in bytes. */
export function size(environment: Environment, name: string, { unset, min, max, forever }: Range & Endless): number {
  const value = present(environment, name);
  if (value === undefined) return unset;
  if (value === "forever" && forever) return Number.POSITIVE_INFINITY;
  const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(value) ?? [];
  const scale = SIZES[(unit ?? "?").toUpperCase()];
  const bytes = digits === undefined || scale === undefined ? Number.NaN : Number(digits) * scale;
  if (Number.isSafeInteger(bytes) && bytes >= min && bytes <= max) return bytes;
  const orForever = forever ? ", or forever" : "";
  throw invalid(name, value, `must be bytes, or a size like 64MiB or 10GB, from ${min} to ${max} bytes${orForever}`);
}

/** Reads a duration in milliseconds. */
export function duration(
  environment: Environment,
  name: string,
  { unset, forever }: Pick<Range, "unset"> & Endless,
): number {
  const value = present(environment, name);
  if (value === undefined) return unset;
  if (value === "forever" && forever) return Number.POSITIVE_INFINITY;
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value) ?? [];
  const milliseconds = Number(digits ?? Number.NaN) * (DURATIONS[unit ?? ""] ?? Number.NaN);
  if (Number.isFinite(milliseconds)) return milliseconds;
  const orForever = forever ? ", or forever" : "";
  throw invalid(name, value, `must be a duration like 500ms, 30s, 5m, 24h or 30d${orForever}`);
}

interface Choice<T> {
  readonly of: readonly T[];
  readonly unset: T;
}

export function choice<T extends string>(environment: Environment, name: string, { of, unset }: Choice<T>): T {
  const value = present(environment, name);
  if (value === undefined) return unset;
  const found = of.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  throw invalid(name, value, `must be one of ${of.join(", ")}`);
}
