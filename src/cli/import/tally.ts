import { appendFileSync, writeFileSync } from "node:fs";
import { describeError } from "../../errors.js";
import { printableLine } from "../terminal/text.js";

/** The number of refused lines that are shown on standard error; the errors file has all. */
const SHOWN = 100;

export interface LineError {
  readonly line: number;
  readonly code: string;
  readonly detail: string;
}

/** The outcome of the lines so far. */
export class Tally {
  lines = 0;
  /** Hits that are counted, replayed ones included. */
  counted = 0;
  replayed = 0;
  maybeTwice = 0;
  readonly skipped = new Map<string, number>();
  readonly refused = new Map<string, number>();
  readonly #errorsFile: string | undefined;
  readonly #print: (message: string) => void;
  #shown = 0;
  #isOpen = false;

  constructor(errorsFile: string | undefined, print: (message: string) => void) {
    this.#errorsFile = errorsFile;
    this.#print = print;
  }

  get refusedCount(): number {
    return sumOf(this.refused);
  }

  /** Creates the errors file, or appends to it if this import continues another. Throws if that fails. */
  open(isContinued: boolean): void {
    if (this.#errorsFile !== undefined) writeFileSync(this.#errorsFile, "", { flag: isContinued ? "a" : "w" });
    this.#isOpen = true;
  }

  skip(reason: string, lines: number): void {
    add(this.skipped, reason, lines);
  }

  /** Adds refused lines, in order. */
  refuse(errors: readonly LineError[]): void {
    const texts = errors.map(({ line, code, detail }) => printableLine(`line ${line}: ${code}: ${detail}`));
    for (const { code } of errors) add(this.refused, code, 1);
    for (const text of texts.slice(0, Math.max(0, SHOWN - this.#shown))) this.#print(text);
    if (this.#shown < SHOWN && this.#shown + texts.length > SHOWN) {
      const rest = this.#errorsFile === undefined ? "--errors FILE records all" : `all are in ${this.#errorsFile}`;
      this.#print(`more than ${SHOWN} lines are refused: further ones are only counted (${rest})`);
    }
    this.#shown += texts.length;
    if (this.#errorsFile === undefined || !this.#isOpen || texts.length === 0) return;
    try {
      appendFileSync(this.#errorsFile, `${texts.join("\n")}\n`);
    } catch (error) {
      this.#print(`cannot write ${this.#errorsFile} (${describeError(error)}): the lines are shown here instead`);
      for (const text of texts) this.#print(text);
    }
  }

  /** Adds refused lines that the target has not named. */
  refuseUnnamed(lines: number, code: string): void {
    add(this.refused, code, lines);
  }
}

export function sumOf(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}

function add(map: Map<string, number>, key: string, count: number): void {
  map.set(key, (map.get(key) ?? 0) + count);
}
