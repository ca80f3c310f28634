import { HitsError } from "../../errors.js";
import { LineBatch } from "./batch.js";
import type { Progress, StateFile } from "./import-state.js";
import type { Input } from "./input.js";
import type { LineReader } from "./line-format.js";
import { type Line, LineSplitter, MAX_LINE_BYTES, type Position } from "./lines.js";
import type { LineError, Tally } from "./tally.js";
import { Interrupted, type Recorded, type Refusal, type Target } from "./target.js";

/** Error codes after which every further line would be refused too. */
const FINAL_CODES = new Set(["TOO_MANY_KEYS", "PROJECTION_HALTED"]);

/** The input is not the one that the state was written for. */
export class PrefixDiffers extends Error {}

/** Nothing more can be counted; the lines before `line` are done. */
export class ImportStopped extends Error {
  readonly line: number;
  readonly code: string;

  constructor(line: number, code: string, detail: string) {
    super(`stopped before line ${line}: ${code}: ${detail}`);
    this.line = line;
    this.code = code;
  }
}

export interface ImporterOptions {
  readonly target: Target;
  readonly reader: LineReader;
  readonly tally: Tally;
  readonly state: StateFile | undefined;
  /** The progress of an earlier run that this one continues. */
  readonly done: Progress | undefined;
  /** False: lines are sent without an id, unless they have one of their own. */
  readonly withIds: boolean;
  readonly signal: AbortSignal;
  /** Called after each part of the input, with the lines read so far. */
  readonly onRead: (lines: number) => void;
}

/**
 * Delivers the lines of an input to a target, batch by batch: the next one is read while one is in flight, and none is sent
 * before its predecessor is answered. So everything before one position is done, and after it at most one batch has an
 * unknown outcome.
 */
export class Importer {
  readonly #options: ImporterOptions;
  #batch = new LineBatch();
  #flight: Promise<void> | undefined;

  constructor(options: ImporterOptions) {
    this.#options = options;
  }

  /**
   * Imports the whole input. Throws `PrefixDiffers` before anything is sent, `ImportStopped`, `Interrupted` between batches,
   * and the `HitsError` of an input or a target; the state file then has the progress.
   */
  async run(input: Input): Promise<void> {
    const { done, signal, onRead } = this.#options;
    const lines = new LineSplitter();
    let read = 0;
    try {
      for await (const chunk of input.chunks()) {
        const now = Date.now();
        for (const line of lines.push(chunk)) {
          read = line.after.lines;
          this.#addLine(line, now);
          if (this.#batch.isFull) await this.#send();
        }
        onRead(read);
        if (signal.aborted) throw new Interrupted();
      }
      const last = lines.end();
      if (last !== undefined) this.#addLine(last, Date.now());
      if (read < (done?.position.lines ?? 0)) throw new PrefixDiffers();
      await this.#send();
    } finally {
      // A batch that was in flight when something failed may still be counted.
      await this.#flight?.catch(() => undefined);
      await this.#options.state?.flush();
    }
    await this.#flight;
    await this.#options.state?.flush();
  }

  #addLine(line: Line, now: number): void {
    const { done } = this.#options;
    const number = line.after.lines;
    if (done !== undefined && number <= done.position.lines) {
      if (number === done.position.lines && line.after.digest !== done.position.digest) throw new PrefixDiffers();
      return;
    }
    if (number === (done?.position.lines ?? 0) + 1 && line.after.digest === done?.tail) {
      this.#batch.addSkipped(line, "done before");
      return;
    }
    try {
      if (line.bytes === undefined) throw tooLong();
      const { reader, withIds } = this.#options;
      const read = reader(line.bytes, withIds ? line.after.digest : undefined, now);
      if (typeof read === "string") this.#batch.addSkipped(line, read);
      else this.#batch.addHit(line, read);
    } catch (error) {
      if (!(error instanceof HitsError) || error.code === "INVALID_ARGUMENT") throw error;
      this.#batch.addError(line, error);
    }
  }

  async #send(): Promise<void> {
    const batch = this.#batch;
    this.#batch = new LineBatch();
    await this.#flight;
    if (this.#options.signal.aborted) throw new Interrupted();
    this.#flight = this.#deliver(batch);
    // Awaited with the next batch, or at the end.
    this.#flight.catch(() => undefined);
  }

  async #deliver(batch: LineBatch): Promise<void> {
    const { end, hits } = batch;
    if (end === undefined) return;
    const { target, signal, state, withIds } = this.#options;
    const nothing: Recorded = { replayed: 0, refusals: [], unnamed: 0, maybeTwice: 0 };
    const recorded = hits.length === 0 ? nothing : await target.record(hits, signal);
    // Without ids these codes refuse only lines with an id of their own, and the others continue.
    const stop = withIds ? recorded.refusals.find(({ code }) => FINAL_CODES.has(code)) : undefined;
    if (stop !== undefined) {
      const { position, counted } = stopAt(stop, batch, recorded.refusals);
      this.#tally({ batch, recorded, counted, upTo: position.lines });
      await state?.update({ position, tail: undefined });
      throw new ImportStopped(position.lines + 1, stop.code, stop.detail);
    }
    const counted = hits.length - recorded.refusals.length - recorded.unnamed;
    this.#tally({ batch, recorded, counted, upTo: Number.POSITIVE_INFINITY });
    await state?.update(end);
  }

  #tally({ batch, recorded, counted, upTo }: Delivery): void {
    const { tally } = this.#options;
    const refused = recorded.refusals.map(({ index, code, detail }): LineError => {
      return { line: lineOf(batch, index), code, detail };
    });
    const errors = [...batch.errors, ...refused].filter(({ line }) => line <= upTo).sort((a, b) => a.line - b.line);
    tally.refuse(errors);
    if (recorded.unnamed > 0) tally.refuseUnnamed(recorded.unnamed, "not named");
    tally.counted += counted;
    tally.replayed += Math.min(recorded.replayed, counted);
    tally.maybeTwice += recorded.maybeTwice;
    if (upTo === Number.POSITIVE_INFINITY) {
      for (const [reason, lines] of batch.skipped) tally.skip(reason, lines);
      tally.lines += batch.lines;
    } else {
      tally.lines += counted + errors.length;
    }
  }
}

interface Delivery {
  readonly batch: LineBatch;
  readonly recorded: Recorded;
  /** Hits that count now, replayed ones included. */
  readonly counted: number;
  /** The number of the last line that is done; infinity for the whole batch. */
  readonly upTo: number;
}

/** Returns the position before the line of a refusal, and how many hits of the batch before it are counted. */
function stopAt(stop: Refusal, { positions }: LineBatch, refusals: readonly Refusal[]) {
  const position: Position | undefined = positions[stop.index];
  if (position === undefined) throw new RangeError(`no hit ${stop.index} in the batch`);
  return { position, counted: stop.index - refusals.filter(({ index }) => index < stop.index).length };
}

function lineOf({ positions }: LineBatch, index: number): number {
  return (positions[index]?.lines ?? 0) + 1;
}

function tooLong(): HitsError {
  return new HitsError("BODY_TOO_LARGE", `the line is longer than ${MAX_LINE_BYTES / 1024} KiB`);
}
