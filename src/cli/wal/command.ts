import type { Writable } from "node:stream";
import type { LogDirectory } from "../../wal/log-directory.js";
import type { Output } from "../terminal/output.js";
import type { OwnOption } from "./options.js";

/** One command of the inspection script. */
export interface Command {
  readonly name: string;
  /** What goes behind the name, as in a usage line. */
  readonly synopsis: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The rest of its own help: what is shown, the fields of `--json`, exit statuses. */
  readonly help: string;
  /** The options it takes besides `--dir`, `--json` and `--help`. */
  readonly options: readonly OwnOption[];
  /** The name of its one operand, where it takes one. */
  readonly operand?: string;
  /** Its exit status for what is thrown, where 1 says something else. */
  readonly failure?: number;
  /** Does it; the exit status. What stops it is thrown as a `HitsError`. */
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
  /** Whether results go to a terminal, too. */
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
  /** What `export` alone takes. */
  readonly exported: ExportSettings;
  /** Empty for a command without one. */
  readonly operand: string;
  readonly output: Output;
  /** Where a bar may be drawn that says how far it is. */
  readonly bar: BarTerminal;
  /** Where its settings are, for a command that needs more than the log directory. */
  readonly environment: NodeJS.ProcessEnv;
  /** Makes Ctrl-C end the command in order, from the call on. */
  readonly interruption: () => AbortSignal;
}
