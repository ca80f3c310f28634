import { HitsError } from "../../errors.js";
import type { ProgressView } from "../terminal/progress.js";
import { type Binding, readState, type SavedState, StateFile } from "./import-state.js";
import { Importer, ImportStopped, PrefixDiffers } from "./importer.js";
import type { Input } from "./input.js";
import { lineReader } from "./line-format.js";
import type { ImportOptions } from "./options.js";
import { Tally } from "./tally.js";
import { Interrupted, type Target } from "./target.js";

/** The interval of the state file. Ids cover what it lacks after a crash; without ids it is written after every batch. */
const STATE_EVERY_MS = 1000;

/** The result of an import. */
export interface Imported {
  readonly input: string;
  readonly target: string;
  readonly log: string | undefined;
  readonly tally: Tally;
  /** Lines that an earlier run had done. */
  readonly before: number;
  /** The reason that it ended early. */
  readonly stopped: string | undefined;
}

export interface ImportTask {
  readonly target: Target;
  readonly input: Input;
  readonly options: ImportOptions;
  readonly countBots: boolean;
  readonly view: ProgressView;
  readonly signal: AbortSignal;
}

/** Imports the input from the position in the state file, or from its start. Throws errors that repeating it would not resolve. */
export async function importInto(task: ImportTask): Promise<Imported> {
  const { target, input, options, countBots, view, signal } = task;
  const { prefix, allStatuses, include, exclude, withIds } = options;
  const selection = { prefix, allStatuses, include, exclude };
  const binding = { log: target.logId ?? null, options: JSON.stringify(selection) };
  const stateFile = options.state ?? (input.file === undefined ? undefined : `${input.file.path}.imported`);
  const saved = stateFile === undefined ? undefined : await usableState(stateFile, binding, view);
  const everyMs = withIds ? STATE_EVERY_MS : 0;
  const warn = (message: string) => view.print(message);
  const state = stateFile === undefined ? undefined : new StateFile({ file: stateFile, binding, everyMs, warn });
  const run = async (done: SavedState | undefined): Promise<Imported> => {
    const tally = new Tally(options.errors, warn);
    tally.open(done !== undefined);
    const reader = lineReader(options.format, { ...selection, countBots });
    const onRead = (lines: number) => view.update(input.bytesRead, lines);
    const importer = new Importer({ target, reader, tally, state, done, withIds, signal, onRead });
    let stopped: string | undefined;
    try {
      await importer.run(input);
    } catch (error) {
      stopped = describeStop(error, stateFile, options);
    }
    const before = done?.position.lines ?? 0;
    return { input: input.name, target: target.name, log: target.logId, tally, before, stopped };
  };
  try {
    return await run(saved);
  } catch (error) {
    if (!(error instanceof PrefixDiffers)) throw error;
    if (input.file === undefined) {
      const what = `${input.name} does not begin with the lines that ${stateFile} records as imported`;
      throw new HitsError(
        "INPUT_CHANGED",
        `${what}: nothing was counted. Name another file with --state, or remove it`,
      );
    }
    view.print(`${input.name} has changed since ${stateFile} was written: starting at its first line`);
    return await run(undefined);
  }
}

/** Resolves to the state to continue from; undefined to start at the first line. Throws `INPUT_CHANGED`. */
async function usableState(file: string, binding: Binding, view: ProgressView): Promise<SavedState | undefined> {
  const saved = await readState(file);
  if (saved === undefined) return undefined;
  if (saved.log !== null && binding.log !== null && saved.log !== binding.log) {
    view.print(`${file} belongs to an import into another log (${saved.log}): starting at the first line`);
    return undefined;
  }
  if (saved.options === binding.options) return saved;
  throw new HitsError(
    "INPUT_CHANGED",
    `${file} belongs to an import with other options (${saved.options}): nothing was counted. To count the same lines again with ` +
      "these options, name another file with --state, or remove it",
  );
}

/** Describes an error after which the import can be continued; rethrows any other. */
function describeStop(error: unknown, stateFile: string | undefined, { withIds }: ImportOptions): string {
  const byIds = withIds ? "the same command continues by the ids of the lines" : "without ids and --state it restarts";
  const next = stateFile === undefined ? byIds : "the same command continues from there";
  if (error instanceof Interrupted) return `interrupted; ${next}`;
  if (error instanceof ImportStopped) {
    const choices =
      error.code === "TOO_MANY_KEYS"
        ? " Raise MAX_IDEMPOTENCY_KEYS (of the server, if there is one), or wait until IDEMPOTENCY_WINDOW has passed, or continue with " +
          "--no-ids"
        : "";
    return `${error.message}; ${next}.${choices}`;
  }
  if (!(error instanceof HitsError) || error.code === "INVALID_ARGUMENT") throw error;
  const risk = withIds || error.code === "INPUT_UNREADABLE" ? "" : ", and repeats at most one batch";
  return `${error.message}; ${next}${risk}`;
}
