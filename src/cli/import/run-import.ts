import { HitsError } from "../../errors.js";
import type { ProgressView } from "../terminal/progress.js";
import { readState, type SavedState, StateFile } from "./import-state.js";
import { Importer, PrefixDiffers, Stopped } from "./importer.js";
import type { Input } from "./input.js";
import { lineReader } from "./line-format.js";
import type { ImportOptions } from "./options.js";
import { Tally } from "./tally.js";
import { Interrupted, type Target } from "./target.js";

/** What the state does not say after a crash, the ids do; without them it is written after every batch. */
const STATE_EVERY_MS = 1000;

/** What an import came to. */
export interface Imported {
  readonly input: string;
  readonly target: string;
  readonly log: string | undefined;
  readonly tally: Tally;
  /** Lines that were done before it began. */
  readonly before: number;
  /** Why it did not come to the end. */
  readonly stopped: string | undefined;
}

/** Imports from where the state file says, or all of it. Throws what no other try would mend. */
export async function importInto(
  target: Target,
  input: Input,
  options: ImportOptions,
  countBots: boolean,
  view: ProgressView,
  signal: AbortSignal,
): Promise<Imported> {
  const { prefix, allStatuses, include, exclude, withIds } = options;
  const counted = { prefix, allStatuses, include, exclude };
  const bound = { log: target.logId ?? null, options: JSON.stringify(counted) };
  const stateFile = options.state ?? (input.file === undefined ? undefined : `${input.file.path}.imported`);
  const saved = stateFile === undefined ? undefined : await stateFor(stateFile, bound, view);
  const every = withIds ? STATE_EVERY_MS : 0;
  const say = (message: string) => view.print(message);
  const state = stateFile === undefined ? undefined : new StateFile(stateFile, bound, every, say);
  const run = async (done: SavedState | undefined): Promise<Imported> => {
    const tally = new Tally(options.errors, say);
    tally.open(done !== undefined);
    const reader = lineReader(options.format, { ...counted, countBots });
    const onRead = (lines: number) => view.update(input.bytesRead, lines);
    const importer = new Importer({ target, reader, tally, state, done, withIds, signal, onRead });
    let stopped: string | undefined;
    try {
      await importer.run(input);
    } catch (error) {
      stopped = whyStopped(error, stateFile, options);
    }
    const before = done?.position.lines ?? 0;
    return { input: input.name, target: target.name, log: target.logId, tally, before, stopped };
  };
  try {
    return await run(saved);
  } catch (error) {
    if (!(error instanceof PrefixDiffers)) throw error;
    if (input.file === undefined) {
      const what = `${input.name} does not begin with what ${stateFile} says was imported`;
      throw new HitsError(
        "INPUT_CHANGED",
        `${what}: nothing was counted. Name another file with --state, or remove it`,
      );
    }
    view.print(`${input.name} has changed since ${stateFile} was written: beginning at its first line`);
    return await run(undefined);
  }
}

/** The state to go on from; undefined to begin at the first line. Throws `INPUT_CHANGED`. */
async function stateFor(
  file: string,
  bound: Pick<SavedState, "log" | "options">,
  view: ProgressView,
): Promise<SavedState | undefined> {
  const saved = await readState(file);
  if (saved === undefined) return undefined;
  if (saved.log !== null && bound.log !== null && saved.log !== bound.log) {
    view.print(`${file} is of an import into another log (${saved.log}): beginning at the first line`);
    return undefined;
  }
  if (saved.options === bound.options) return saved;
  throw new HitsError(
    "INPUT_CHANGED",
    `${file} is of an import with other options (${saved.options}): nothing was counted. To count the same lines again in this ` +
      "way, name another file with --state, or remove it",
  );
}

/** What to tell of an error that leaves the rest for another time; throws those that don't. */
function whyStopped(error: unknown, stateFile: string | undefined, { withIds }: ImportOptions): string {
  const byIds = withIds ? "the same command goes on by the ids of the lines" : "without ids and --state it begins anew";
  const again = stateFile === undefined ? byIds : "the same command goes on from there";
  if (error instanceof Interrupted) return `interrupted; ${again}`;
  if (error instanceof Stopped) {
    const choices =
      error.code === "TOO_MANY_KEYS"
        ? " Raise MAX_IDEMPOTENCY_KEYS (of the server, where there is one), or wait until IDEMPOTENCY_WINDOW has passed, or go on with " +
          "--no-ids"
        : "";
    return `${error.message}; ${again}.${choices}`;
  }
  if (!(error instanceof HitsError) || error.code === "INVALID_ARGUMENT") throw error;
  const risk = withIds || error.code === "INPUT_UNREADABLE" ? "" : ", and repeats at most one batch";
  return `${error.message}; ${again}${risk}`;
}
