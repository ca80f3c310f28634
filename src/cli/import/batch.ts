import type { HitsError } from "../../errors.js";
import type { Hit } from "../../model/hit.js";
import type { Progress } from "./import-state.js";
import type { Line, Position } from "./lines.js";
import type { LineError } from "./tally.js";

/** What goes in one request, and lies in one batch of the log: enough that no import waits much for a slow disk. */
const MAX_HITS = 4000;
const MAX_BYTES = 1024 * 1024;
/** A batch ends here too where most lines are not counted. */
const MAX_LINES = 20_000;

/** Lines in a row: the hits among them, and what is known of the others. */
export class LineBatch {
  readonly hits: Hit[] = [];
  /** The place in front of each hit's line. */
  readonly places: Position[] = [];
  readonly errors: LineError[] = [];
  readonly skipped = new Map<string, number>();
  lines = 0;
  #bytes = 0;
  #end: Progress | undefined;

  /** How far an import has come that is done with this batch; undefined for an empty one. */
  get end(): Progress | undefined {
    return this.#end;
  }

  get isFull(): boolean {
    return this.hits.length >= MAX_HITS || this.#bytes >= MAX_BYTES || this.lines >= MAX_LINES;
  }

  addHit(line: Line, hit: Hit): void {
    this.hits.push(hit);
    this.places.push(line.before);
    this.#bytes += line.after.bytes - line.before.bytes;
    this.#add(line);
  }

  addError(line: Line, { code, message }: HitsError): void {
    this.errors.push({ line: line.after.lines, code, detail: message });
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
      : // More of the line may come: then it is another one.
        { position: before, tail: after.digest };
  }
}
