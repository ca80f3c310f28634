import path from "node:path";
import { describeError, HitsError, systemCode } from "../../errors.js";
import { nodeFileSystem } from "../../wal/node-file-system.js";
import { readWholeFile, replaceFile } from "../../wal/whole-file.js";
import type { Position } from "./lines.js";

/** How far an import has come: everything before `position` is done, nothing behind it but `tail`. */
export interface Progress {
  readonly position: Position;
  /** The id of a last line without a line break, which is done too. */
  readonly tail: string | undefined;
}

/** What a state file holds, and what it is bound to. */
export interface SavedState extends Progress {
  /** The id of the log that the lines went into; null where it was not known. */
  readonly log: string | null;
  /** What was counted of the lines, and under which names. */
  readonly options: string;
}

/**
 * The file in which an import says how far it has come, put in place whole and synced; at most every so often, and at the
 * end. One that can't be written is no reason to stop.
 */
export class StateFile {
  readonly #file: string;
  readonly #bound: Pick<SavedState, "log" | "options">;
  readonly #everyMs: number;
  readonly #warn: (message: string) => void;
  #writtenAt = Number.NEGATIVE_INFINITY;
  #pending: Progress | undefined;
  #broken = false;

  constructor(
    file: string,
    bound: Pick<SavedState, "log" | "options">,
    everyMs: number,
    warn: (message: string) => void,
  ) {
    this.#file = path.resolve(file);
    this.#everyMs = everyMs;
    this.#bound = bound;
    this.#warn = warn;
  }

  /** Notes how far the import has come, and writes it if that is due. */
  async note(progress: Progress): Promise<void> {
    this.#pending = progress;
    if (performance.now() - this.#writtenAt >= this.#everyMs) await this.flush();
  }

  /** Writes what was noted last. */
  async flush(): Promise<void> {
    if (this.#pending === undefined) return;
    const { position, tail } = this.#pending;
    this.#pending = undefined;
    const content = { format: 1, ...this.#bound, ...position, ...(tail === undefined ? {} : { tail }) };
    try {
      const bytes = Buffer.from(`${JSON.stringify(content)}\n`);
      await replaceFile(nodeFileSystem, path.dirname(this.#file), path.basename(this.#file), [bytes]);
      this.#broken = false;
    } catch (error) {
      if (!this.#broken) {
        const why = `the state file ${this.#file} can't be written (${describeError(error)})`;
        this.#warn(`${why}: going on; the next import then does not know what is done, but by the ids of the lines`);
      }
      this.#broken = true;
    }
    this.#writtenAt = performance.now();
  }
}

/** Undefined where there is none. Throws `INPUT_CHANGED` for a file that is no state file: it is not ours to replace. */
export async function readState(file: string): Promise<SavedState | undefined> {
  let text: string;
  try {
    text = (await readWholeFile(nodeFileSystem, path.resolve(file))).toString("utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw new HitsError("INPUT_CHANGED", `the state file ${file} can't be read (${describeError(error)})`);
  }
  const state = parseState(text);
  if (state !== undefined) return state;
  throw new HitsError(
    "INPUT_CHANGED",
    `${file} is not the state of an import: name another file with --state, or remove it to begin at the first line`,
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
