import { appendFileSync, writeFileSync } from "node:fs";
import { describeError } from "../../errors.js";
import { printableJson } from "../terminal/text.js";

/** Refused lines that are told of on standard error; all are in the file for them, where there is one. */
const SHOWN = 100;

export interface LineError {
  readonly line: number;
  readonly code: string;
  readonly detail: string;
}

/** What became of the lines so far. */
export class Tally {
  lines = 0;
  /** Hits that are counted, those of lines that were counted before included. */
  counted = 0;
  replayed = 0;
  maybeTwice = 0;
  readonly skipped = new Map<string, number>();
  readonly refused = new Map<string, number>();
  readonly #errorsFile: string | undefined;
  readonly #say: (message: string) => void;
  #shown = 0;
  #opened = false;

  constructor(errorsFile: string | undefined, say: (message: string) => void) {
    this.#errorsFile = errorsFile;
    this.#say = say;
  }

  get refusedCount(): number {
    return sum(this.refused);
  }

  /** Begins the file for errors, or goes on with the one of an import that this one goes on with. Throws if it can't. */
  open(goesOn: boolean): void {
    if (this.#errorsFile !== undefined) writeFileSync(this.#errorsFile, "", { flag: goesOn ? "a" : "w" });
    this.#opened = true;
  }

  skip(reason: string, lines: number): void {
    add(this.skipped, reason, lines);
  }

  /** Lines that were refused, in order. */
  refuse(errors: readonly LineError[]): void {
    const texts = errors.map(({ line, code, detail }) => printableJson(`line ${line}: ${code}: ${detail}`));
    for (const { code } of errors) add(this.refused, code, 1);
    for (const text of texts.slice(0, Math.max(0, SHOWN - this.#shown))) this.#say(text);
    if (this.#shown < SHOWN && this.#shown + texts.length > SHOWN) {
      const rest = this.#errorsFile === undefined ? "--errors FILE keeps all" : `all are in ${this.#errorsFile}`;
      this.#say(`more than ${SHOWN} lines are refused: the others are only counted (${rest})`);
    }
    this.#shown += texts.length;
    if (this.#errorsFile === undefined || !this.#opened || texts.length === 0) return;
    try {
      appendFileSync(this.#errorsFile, `${texts.join("\n")}\n`);
    } catch (error) {
      this.#say(`${this.#errorsFile} can't be written (${describeError(error)}): the lines go on here`);
      for (const text of texts) this.#say(text);
    }
  }

  /** Lines that were refused without being named. */
  refuseUnnamed(lines: number, code: string): void {
    add(this.refused, code, lines);
  }
}

export function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}

function add(map: Map<string, number>, key: string, count: number): void {
  map.set(key, (map.get(key) ?? 0) + count);
}
