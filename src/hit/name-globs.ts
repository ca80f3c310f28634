import { HitsError } from "../errors.js";
import { expandBraces, Pattern } from "./glob.js";

/** Globs of a list, with each alternative in braces counted as one. */
const MAX_GLOBS = 1000;

const MAX_CACHED = 8192;
const MAX_CACHED_LENGTH = 256;

/**
 * The counters that may be counted, by the globs of `COUNTERS_ALLOW`. A name is no file path: `*` matches any text, slashes
 * and leading dots included, and `!` is a character like others.
 */
export class AllowedCounters {
  readonly #matches: ((name: string) => boolean) | undefined;
  /** Recent names with their results: matching a glob costs more than a hit. */
  readonly #results = new Map<string, boolean>();

  constructor(globs: readonly string[]) {
    const all = globs.includes("*");
    this.#matches = all ? undefined : nameMatcher(globs);
  }

  /** Returns why this counter is refused, `COUNTER_NOT_ALLOWED`; undefined if it isn't. */
  refuse(name: string): HitsError | undefined {
    if (this.#matches === undefined || this.#allows(name, this.#matches)) return undefined;
    return new HitsError(
      "COUNTER_NOT_ALLOWED",
      `${JSON.stringify(name)} matches no glob of COUNTERS_ALLOW: not counted`,
    );
  }

  #allows(name: string, matches: (name: string) => boolean): boolean {
    const cached = this.#results.get(name);
    if (cached !== undefined) return cached;
    const allowed = matches(name);
    if (name.length <= MAX_CACHED_LENGTH) {
      if (this.#results.size >= MAX_CACHED) this.#results.clear();
      this.#results.set(name, allowed);
    }
    return allowed;
  }
}

/** Returns a function that matches names by globs, as `AllowedCounters` does. Throws `INVALID_ARGUMENT`: too many globs. */
export function nameMatcher(globs: readonly string[]): (name: string) => boolean {
  const patterns = expandGlobs(globs)?.map((glob) => new Pattern(glob));
  if (patterns === undefined)
    throw new HitsError("INVALID_ARGUMENT", `more than ${MAX_GLOBS} globs and alternatives in braces`);
  return (name) => patterns.some((pattern) => pattern.matches(name));
}

/** Returns globs with their braces expanded; undefined if they are more than 1,000. */
export function expandGlobs(globs: readonly string[]): string[] | undefined {
  const all: string[] = [];
  for (const glob of globs) {
    const expanded = expandBraces(glob, MAX_GLOBS - all.length);
    if (expanded === undefined) return undefined;
    all.push(...expanded);
  }
  return all;
}

/** Splits a list of globs at commas and spaces, except inside braces. */
export function splitGlobs(list: string): string[] {
  const globs: string[] = [];
  let glob = "";
  let depth = 0;
  for (const character of list) {
    if (character === "{") depth++;
    if (character === "}" && depth > 0) depth--;
    if (depth === 0 && /[\s,]/.test(character)) {
      if (glob !== "") globs.push(glob);
      glob = "";
    } else glob += character;
  }
  return glob === "" ? globs : [...globs, glob];
}
