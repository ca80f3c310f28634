import type { HitsError } from "../../errors.js";
import type { Hit } from "../../model/hit.js";
import type { Progress } from "./import-state.js";
import type { Line, Position } from "./lines.js";
import type { LineError } from "./tally.js";

/** The bounds of one request, and of one batch of the log: large enough that an import rarely waits for a slow disk. */
const MAX_HITS = 4000;
const MAX_BYTES = 1024 * 1024;
/** The bound for lines of which most are not counted. */
const MAX_LINES = 20_000;

/** Consecutive lines of an input: the hits among them, and why the others count nothing. */
export class LineBatch {
  readonly hits: Hit[] = [];
  /** The position before each hit's line. */
  readonly positions: Position[] = [];
  readonly errors: LineError[] = [];
  readonly skipped = new Map<string, number>();
  lines = 0;
  #bytes = 0;
  #end: Progress | undefined;

  /** The progress of an import that is done with this batch; undefined for an empty one. */
  get end(): Progress | undefined {
    return this.#end;
  }

  get isFull(): boolean {
    return this.hits.length >= MAX_HITS || this.#bytes >= MAX_BYTES || this.lines >= MAX_LINES;
  }

  addHit(line: Line, hit: Hit): void {
    this.hits.push(hit);
    this.positions.push(line.before);
    this.#bytes += line.after.bytes - line.before.bytes;
    this.#add(line);
  }

  addError(line: Line, { code, message: detail }: HitsError): void {
    this.errors.push({ line: line.after.lines, code, detail });
    this.#add(line);
  }

  addSkipped(line: Line, reason: string): void {
    this.skipped.set(reason, (this.skipped.get(reason) ?? 0) + 1);
    this.#add(line);
  }

  #add(line: Line): void {
    this.lines++;
    const { isTerminated, before, after } = line;
    this.#end = isTerminated
      ? { position: after, tail: undefined }
      : // The line may grow, and is another one then.
        { position: before, tail: after.digest };
  }
}
