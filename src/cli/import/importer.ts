import { HitsError } from "../../errors.js";
import { LineBatch } from "./batch.js";
import type { Progress, StateFile } from "./import-state.js";
import type { Input } from "./input.js";
import type { LineReader } from "./line-format.js";
import { type Line, LineSplitter, MAX_LINE_BYTES } from "./lines.js";
import type { LineError, Tally } from "./tally.js";
import { Interrupted, type Refusal, type Target } from "./target.js";

/** By these nothing more can be counted: what follows would be refused line by line. */
const NOTHING_MORE = new Set(["TOO_MANY_KEYS", "PROJECTION_HALTED"]);

/** The input is not what it was when the state was written. */
export class PrefixDiffers extends Error {}

/** Nothing more can be counted; the lines before `line` are done. */
export class Stopped extends Error {
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
  /** How far the import was when it ended the last time. */
  readonly done: Progress | undefined;
  /** False: lines are sent without an id, unless they have one of their own. */
  readonly withIds: boolean;
  readonly signal: AbortSignal;
  /** Told after every part of the input that was read. */
  readonly onRead: (lines: number) => void;
}

/**
 * Brings the lines of an input to a target, a batch after the other: while one is on its way the next is read, and none
 * is sent before the one before it is answered. So there is one place that everything before is done, and behind it at
 * most one batch of which that is unknown.
 */
export class Importer {
  readonly #options: ImporterOptions;
  #batch = new LineBatch();
  #flight: Promise<void> | undefined;

  constructor(options: ImporterOptions) {
    this.#options = options;
  }

  /**
   * Imports all of it. Throws `PrefixDiffers` before anything is sent, `Stopped`, `Interrupted` between batches, and the
   * `HitsError` of an input or a target; the state says then how far it came.
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
          this.#take(line, now);
          if (this.#batch.isFull) await this.#send();
        }
        onRead(read);
        if (signal.aborted) throw new Interrupted();
      }
      const last = lines.end();
      if (last !== undefined) this.#take(last, Date.now());
      if (read < (done?.position.lines ?? 0)) throw new PrefixDiffers();
      await this.#send();
    } finally {
      // What was on its way when something went wrong is counted all the same, if it was.
      await this.#flight?.catch(() => undefined);
      await this.#options.state?.flush();
    }
    await this.#flight;
    await this.#options.state?.flush();
  }

  #take(line: Line, now: number): void {
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
    this.#flight = this.#bring(batch);
    // Waited for with the next batch, or at the end.
    this.#flight.catch(() => undefined);
  }

  async #bring(batch: LineBatch): Promise<void> {
    const { end, hits } = batch;
    if (end === undefined) return;
    const { target, signal, state, withIds } = this.#options;
    const nothing = { replayed: 0, refusals: [], unnamed: 0, maybeTwice: 0 };
    const taken = hits.length === 0 ? nothing : await target.take(hits, signal);
    // Without ids only a line that has one of its own is refused for it, and the others go on.
    const stop = withIds ? taken.refusals.find(({ code }) => NOTHING_MORE.has(code)) : undefined;
    if (stop !== undefined) {
      const { place, counted } = placeOf(stop, batch, taken.refusals);
      this.#note(batch, taken, counted, place.lines);
      await state?.note({ position: place, tail: undefined });
      throw new Stopped(place.lines + 1, stop.code, stop.detail);
    }
    this.#note(batch, taken, hits.length - taken.refusals.length - taken.unnamed, Number.POSITIVE_INFINITY);
    await state?.note(end);
  }

  /** Enters what became of the lines up to a number. */
  #note(batch: LineBatch, taken: Awaited<ReturnType<Target["take"]>>, counted: number, upTo: number): void {
    const { tally } = this.#options;
    const refused = taken.refusals.map(({ index, code, detail }): LineError => {
      return { line: lineOf(batch, index), code, detail };
    });
    const errors = [...batch.errors, ...refused].filter(({ line }) => line <= upTo).sort((a, b) => a.line - b.line);
    tally.refuse(errors);
    if (taken.unnamed > 0) tally.refuseUnnamed(taken.unnamed, "not named");
    tally.counted += counted;
    tally.replayed += Math.min(taken.replayed, counted);
    tally.maybeTwice += taken.maybeTwice;
    if (upTo === Number.POSITIVE_INFINITY) {
      for (const [reason, lines] of batch.skipped) tally.skip(reason, lines);
      tally.lines += batch.lines;
    } else {
      tally.lines += counted + errors.length;
    }
  }
}

function placeOf(stop: Refusal, { places }: LineBatch, refusals: readonly Refusal[]) {
  const place = places[stop.index];
  if (place === undefined) throw new RangeError(`no hit ${stop.index} in the batch`);
  return { place, counted: stop.index - refusals.filter(({ index }) => index < stop.index).length };
}

function lineOf({ places }: LineBatch, index: number): number {
  return (places[index]?.lines ?? 0) + 1;
}

function tooLong(): HitsError {
  return new HitsError("BODY_TOO_LARGE", `the line is longer than ${MAX_LINE_BYTES / 1024} KiB`);
}
