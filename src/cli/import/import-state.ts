import path from "node:path";
import { describeError, HitsError, systemCode } from "../../errors.js";
import { nodeFileSystem } from "../../wal/node-file-system.js";
import { readWholeFile, replaceFile } from "../../wal/whole-file.js";
import type { Position } from "./lines.js";

/** The progress of an import: everything before `position` is done, and after it nothing but `tail`. */
export interface Progress {
  readonly position: Position;
  /** The id of a last line without a line break that is done too. */
  readonly tail: string | undefined;
}

/** The import that a state file belongs to. */
export interface Binding {
  /** The id of the log that the lines went into; null if unknown. */
  readonly log: string | null;
  /** The options that select lines and name counters, as JSON. */
  readonly options: string;
}

/** The contents of a state file. */
export interface SavedState extends Progress, Binding {}

export interface StateFileOptions {
  readonly file: string;
  readonly binding: Binding;
  /** The least time between two writes. */
  readonly everyMs: number;
  readonly warn: (message: string) => void;
}

/**
 * The file that records the progress of an import. It is replaced whole and synced, at intervals and at the end. A file that
 * can't be written does not stop the import.
 */
export class StateFile {
  readonly #file: string;
  readonly #binding: Binding;
  readonly #everyMs: number;
  readonly #warn: (message: string) => void;
  #writtenAt = Number.NEGATIVE_INFINITY;
  #pending: Progress | undefined;
  #isFailing = false;

  constructor({ file, binding, everyMs, warn }: StateFileOptions) {
    this.#file = path.resolve(file);
    this.#everyMs = everyMs;
    this.#binding = binding;
    this.#warn = warn;
  }

  /** Sets the progress, and writes it if that is due. */
  async update(progress: Progress): Promise<void> {
    this.#pending = progress;
    if (performance.now() - this.#writtenAt >= this.#everyMs) await this.flush();
  }

  /** Writes the progress that was set last. */
  async flush(): Promise<void> {
    if (this.#pending === undefined) return;
    const { position, tail } = this.#pending;
    this.#pending = undefined;
    const content = { format: 1, ...this.#binding, ...position, ...(tail === undefined ? {} : { tail }) };
    try {
      const bytes = Buffer.from(`${JSON.stringify(content)}\n`);
      await replaceFile(nodeFileSystem, this.#file, [bytes]);
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) {
        const why = `cannot write the state file ${this.#file} (${describeError(error)})`;
        this.#warn(`${why}: continuing; the next import then recognizes the lines that are done only by their ids`);
      }
      this.#isFailing = true;
    }
    this.#writtenAt = performance.now();
  }
}

/** Reads a state file; undefined if it does not exist. Throws `INPUT_CHANGED` for a file of any other kind, which must not be replaced. */
export async function readState(file: string): Promise<SavedState | undefined> {
  let text: string;
  try {
    text = (await readWholeFile(nodeFileSystem, path.resolve(file))).toString("utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw new HitsError("INPUT_CHANGED", `cannot read the state file ${file} (${describeError(error)})`);
  }
  const state = parseState(text);
  if (state !== undefined) return state;
  throw new HitsError(
    "INPUT_CHANGED",
    `${file} is not a state file of an import: name another file with --state, or remove it to start at the first line`,
  );
}

function parseState(text: string): SavedState | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { format, log, options, lines, bytes, digest, tail } = value as Record<string, unknown>;
  if (format !== 1 || typeof options !== "string" || typeof digest !== "string") return undefined;
  if (!Number.isSafeInteger(lines) || !Number.isSafeInteger(bytes)) return undefined;
  return {
    log: typeof log === "string" ? log : null,
    options,
    position: { lines: Number(lines), bytes: Number(bytes), digest },
    tail: typeof tail === "string" ? tail : undefined,
  };
}
