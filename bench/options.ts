import { parseArgs } from "node:util";

/** How thorough a run is. */
export interface Options {
  readonly rounds: number;
  /** Length of one measurement. */
  readonly seconds: number;
  /** Warm-up before each measurement. */
  readonly warmUpSeconds: number;
  readonly connections: readonly number[];
  /** Numbers of counters that are hit. */
  readonly counters: readonly number[];
  /** Contestants whose name contains one of these; all if there are none. */
  readonly contestants: readonly string[];
  /** True: nothing is written to bench/results. */
  readonly dry: boolean;
}

export const USAGE = `usage: npm run bench -- [NAME…] [--rounds 5] [--seconds 2] [--warm-up 1] [--connections 1,64,256]
       [--counters 1,10000] [--contestants TEXT,…] [--dry]`;

/** Reads the command line. Throws an error that names what is wrong with it. */
export function readOptions(args: string[]): { readonly names: string[]; readonly options: Options } {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      rounds: { type: "string", default: "5" },
      seconds: { type: "string", default: "2" },
      "warm-up": { type: "string", default: "1" },
      connections: { type: "string", default: "1,64,256" },
      counters: { type: "string", default: "1,10000" },
      contestants: { type: "string", default: "" },
      dry: { type: "boolean", default: false },
    },
  });
  const options = {
    rounds: positive("rounds", values.rounds),
    seconds: positive("seconds", values.seconds),
    warmUpSeconds: positive("warm-up", values["warm-up"]),
    connections: values.connections.split(",").map((text) => positive("connections", text)),
    counters: values.counters.split(",").map((text) => positive("counters", text)),
    contestants: values.contestants.split(",").filter((text) => text !== ""),
    dry: values.dry,
  };
  return { names: positionals, options };
}

/** wrk takes whole seconds only. */
function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`--${name} must be an integer of at least 1, got "${text}"`);
  return value;
}
