import picomatch from "picomatch";
import { HitsError } from "../errors.js";

const MAX_REMEMBERED = 8192;
const MAX_REMEMBERED_LENGTH = 256;

/**
 * Which counters may be counted, by the globs of `COUNTERS_ALLOW`. A name is no file path: `*` stands for any text,
 * slashes and leading dots included, and `!` is a character like others.
 */
export class AllowedCounters {
  readonly #matches: ((name: string) => boolean) | undefined;
  /** Names lately judged: a glob costs more than a hit. */
  readonly #judged = new Map<string, boolean>();

  constructor(globs: readonly string[]) {
    const all = globs.includes("*");
    this.#matches = all ? undefined : nameMatcher(globs);
  }

  /** Why this counter may not be counted: `COUNTER_NOT_ALLOWED`. */
  refuse(name: string): HitsError | undefined {
    if (this.#matches === undefined || this.#allows(name, this.#matches)) return undefined;
    return new HitsError(
      "COUNTER_NOT_ALLOWED",
      `${JSON.stringify(name)} is not among the counters that COUNTERS_ALLOW allows: not counted`,
    );
  }

  #allows(name: string, matches: (name: string) => boolean): boolean {
    const known = this.#judged.get(name);
    if (known !== undefined) return known;
    const allowed = matches(name);
    if (name.length <= MAX_REMEMBERED_LENGTH) {
      if (this.#judged.size >= MAX_REMEMBERED) this.#judged.clear();
      this.#judged.set(name, allowed);
    }
    return allowed;
  }
}

/** Matches names by globs as above. */
export function nameMatcher(globs: readonly string[]): (name: string) => boolean {
  return picomatch([...globs], { bash: true, dot: true, nonegate: true, windows: false, strictSlashes: true });
}

/** The globs of a list that commas or blanks separate; those inside braces belong to a glob. Empty for an empty list. */
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
