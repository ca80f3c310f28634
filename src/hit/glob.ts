/**
 * Globs of names: `*` matches any text, `?` one character other than a slash, `[a-z]` one of these, `[!a-z]` one other than
 * these and a slash, `{a,b}` either text; after a backslash a character stands for itself. Several stars are the same as
 * one; just two as a whole segment, with the slash after them, also match nothing. Matching does not backtrack.
 */

/** A character, as UTF-16 code unit, or a test for one. */
type Piece = number | ((code: number) => boolean);

const SLASH = 47;

/** A glob without braces, cut at its stars. */
export class Pattern {
  readonly #first: Run;
  readonly #middle: readonly Run[];
  /** Undefined in a glob without stars: it matches whole names. */
  readonly #last: Run | undefined;

  constructor(glob: string) {
    const [first = new Run([]), ...others] = runsOf(glob);
    this.#first = first;
    this.#last = others.pop();
    this.#middle = others.filter(({ length }) => length > 0);
  }

  matches(name: string): boolean {
    const first = this.#first;
    const last = this.#last;
    if (last === undefined) return name.length === first.length && first.isAt(name, 0);
    const end = name.length - last.length;
    if (end < first.length || !first.isAt(name, 0) || !last.isAt(name, end)) return false;
    let from = first.length;
    // The leftmost place is as good as any other: what follows has the most room there.
    for (const run of this.#middle) {
      const at = run.find(name, from, end);
      if (at === -1) return false;
      from = at + run.length;
    }
    return true;
  }
}

/** What stands between two stars; matches texts of one length. */
class Run {
  readonly length: number;
  readonly #pieces: readonly Piece[];
  /** The same as text, if all pieces are characters. */
  readonly #text: string | undefined;
  /** The first piece that is a character, if there is one: searching for it skips most places. */
  readonly #anchor: { readonly text: string; readonly index: number } | undefined;

  constructor(pieces: readonly Piece[]) {
    this.length = pieces.length;
    this.#pieces = pieces;
    const codes = pieces.filter((piece) => typeof piece === "number");
    this.#text = codes.length === pieces.length ? String.fromCharCode(...codes) : undefined;
    const [code] = codes;
    this.#anchor = code === undefined ? undefined : { text: String.fromCharCode(code), index: pieces.indexOf(code) };
  }

  isAt(name: string, at: number): boolean {
    if (this.#text !== undefined) return name.startsWith(this.#text, at);
    let position = at;
    for (const piece of this.#pieces) {
      const code = name.charCodeAt(position++);
      if (typeof piece === "number" ? code !== piece : !piece(code)) return false;
    }
    return true;
  }

  /** Returns the first place in part of a name; -1 if there is none. */
  find(name: string, from: number, end: number): number {
    const last = end - this.length;
    if (this.#text !== undefined) {
      const at = name.indexOf(this.#text, from);
      return at > last ? -1 : at;
    }
    for (let at = this.#next(name, from); at !== -1 && at <= last; at = this.#next(name, at + 1)) {
      if (this.isAt(name, at)) return at;
    }
    return -1;
  }

  /** Returns the next place, from this one on, that the anchor does not rule out; -1 if there is none. */
  #next(name: string, from: number): number {
    if (this.#anchor === undefined) return from;
    const { text, index } = this.#anchor;
    return Math.max(-1, name.indexOf(text, from + index) - index);
  }
}

function runsOf(glob: string): Run[] {
  const runs: Run[] = [];
  let pieces: Piece[] = [];
  let at = 0;
  while (at < glob.length) {
    const set = glob[at] === "[" ? setAt(glob, at) : undefined;
    if (set !== undefined) {
      pieces.push(set.test);
      at = set.end;
    } else if (glob[at] === "*") {
      runs.push(new Run(pieces));
      pieces = [];
      at++;
    } else {
      if (glob[at] === "?") pieces.push((code) => code !== SLASH);
      else {
        if (glob[at] === "\\" && at + 1 < glob.length) at++;
        pieces.push(glob.charCodeAt(at));
      }
      at++;
    }
  }
  return [...runs, new Run(pieces)];
}

/** Returns the set that starts at this bracket; undefined if no bracket closes it: it is a character then. */
function setAt(glob: string, start: number): { test: (code: number) => boolean; end: number } | undefined {
  const isNegated = /[!^]/.test(glob[start + 1] ?? "");
  const ranges: [number, number][] = [];
  const first = isNegated ? start + 2 : start + 1;
  for (let at = first; at < glob.length; at++) {
    if (glob[at] === "]" && at > first) {
      const isListed = (code: number) => ranges.some(([low, high]) => code >= low && code <= high);
      return { test: isNegated ? (code) => code !== SLASH && !isListed(code) : isListed, end: at + 1 };
    }
    if (glob[at] === "\\" && at + 1 < glob.length) at++;
    const low = glob.charCodeAt(at);
    if (glob[at + 1] === "-" && at + 2 < glob.length && glob[at + 2] !== "]") {
      at += 2;
      if (glob[at] === "\\" && at + 1 < glob.length) at++;
    }
    ranges.push([low, glob.charCodeAt(at)]);
  }
  return undefined;
}

/** Returns the globs without braces that a glob stands for; undefined if they are more than `most`. */
export function expandBraces(glob: string, most: number): string[] | undefined {
  const done: string[] = [];
  const open = [glob.replace(STARS_AS_SEGMENT, "$1{,*/}")];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (done.length + open.length >= most) return undefined;
    const brace = firstBrace(next);
    if (brace === undefined) done.push(next);
    else {
      const { start, end, parts } = brace;
      for (const part of parts) open.push(next.slice(0, start) + part + next.slice(end));
    }
  }
  return done;
}

const STARS_AS_SEGMENT = /(^|\/)\*\*\//g;

/** Returns the first braces with a comma of their own, and what the commas separate. */
function firstBrace(glob: string): { start: number; end: number; parts: string[] } | undefined {
  for (let start = 0; start < glob.length; start++) {
    if (glob[start] === "\\") start++;
    else if (glob[start] === "{") {
      const found = braceAt(glob, start);
      if (found !== undefined) return { start, ...found };
    }
  }
  return undefined;
}

function braceAt(glob: string, start: number): { end: number; parts: string[] } | undefined {
  const parts: string[] = [];
  let depth = 0;
  let from = start + 1;
  for (let at = start; at < glob.length; at++) {
    const character = glob[at];
    if (character === "\\") at++;
    else if (character === "{") depth++;
    else if (character === "," && depth === 1) {
      parts.push(glob.slice(from, at));
      from = at + 1;
    } else if (character === "}" && --depth === 0) {
      return parts.length === 0 ? undefined : { end: at + 1, parts: [...parts, glob.slice(from, at)] };
    }
  }
  return undefined;
}
