import type { Writable } from "node:stream";
import type { LogDirectory } from "../../wal/log-directory.js";
import { DIR, HELP, type Options } from "../terminal/options.js";
import type { Output } from "../terminal/output.js";

/** The options of all `wal` commands. A command's own help has the details of those that it takes. */
export const WAL_OPTIONS = {
  dir: DIR,
  json: { type: "boolean", help: "prints JSON" },
  help: HELP,
  from: { type: "string", value: "N", help: "the first offset" },
  to: { type: "string", value: "N", help: "the offset to end before" },
  counter: { type: "string", value: "NAME", help: "only this counter" },
  follow: { type: "boolean", short: "f", help: "continues with what is written from now on" },
  top: { type: "string", value: "N", help: "only the highest N" },
  yes: { type: "boolean", help: "makes the changes" },
  "without-mongodb": { type: "boolean", help: "repairs without asking MongoDB" },
  format: { type: "string", value: "F", choices: ["ndjson", "csv"], help: "the format" },
  since: { type: "string", value: "TIME", help: "the first time" },
  until: { type: "string", value: "TIME", help: "the time to end before" },
  output: { type: "string", value: "FILE", short: "o", help: "writes into a file" },
  force: { type: "boolean", help: "replaces an existing file" },
  "no-ids": { type: "boolean", help: "omits ids" },
  "excel-safe": { type: "boolean", help: "defuses formulas in CSV" },
} as const satisfies Options;

/** The options that every `wal` command takes. */
export const COMMON_OPTIONS = ["dir", "json", "help"] as const;
export type OwnOption = Exclude<keyof typeof WAL_OPTIONS, (typeof COMMON_OPTIONS)[number]>;

/** A `durable-hits wal` command. */
export interface Command {
  readonly name: string;
  /** Operand and options, as in a usage line. */
  readonly synopsis: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The rest of its own help: output, the fields of `--json`, exit statuses. */
  readonly help: string;
  /** The options it takes besides `--dir`, `--json` and `--help`. */
  readonly options: readonly OwnOption[];
  /** The name of its operand, if it takes one. */
  readonly operand?: string;
  /** Its exit status for an error, if 1 means something else. */
  readonly failure?: number;
  /** Runs it, and resolves to the exit status. Throws a `HitsError` for what stops it. */
  run(invocation: Invocation): Promise<number>;
}

export interface ExportSettings {
  readonly format: "ndjson" | "csv";
  /** Epoch milliseconds. */
  readonly since: number | undefined;
  readonly until: number | undefined;
  /** An absolute path. */
  readonly file: string | undefined;
  readonly force: boolean;
  readonly withIds: boolean;
  readonly excelSafe: boolean;
}

export interface BarTerminal {
  readonly stderr: Writable & { readonly isTTY?: boolean };
  /** Results go to a terminal, too. */
  readonly isStdoutTerminal: boolean;
}

/** A command as it was called, checked. */
export interface Invocation {
  readonly directory: LogDirectory;
  readonly json: boolean;
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly counter: string | undefined;
  readonly follow: boolean;
  readonly top: number | undefined;
  readonly yes: boolean;
  readonly withoutMongodb: boolean;
  /** The settings of `export`. */
  readonly exported: ExportSettings;
  /** Empty for a command without one. */
  readonly operand: string;
  readonly output: Output;
  /** The terminal for a progress bar. */
  readonly bar: BarTerminal;
  /** The settings, for a command that needs more than the log directory. */
  readonly environment: NodeJS.ProcessEnv;
  /** Returns a signal that Ctrl-C aborts from then on, instead of ending the process. */
  readonly interruption: () => AbortSignal;
}
