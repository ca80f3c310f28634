import { Readable, Writable } from "node:stream";
import { runImport } from "../../../src/cli/import/import-command.js";
import { runSet } from "../../../src/cli/import/set-command.js";
import { type Ran, wal } from "../wal/harness.js";

/** The fields of a summary with `--json`. */
export interface Summary {
  readonly target: string;
  readonly log: string | null;
  readonly finished: boolean;
  readonly stopped: string | null;
  readonly lines: number;
  readonly before: number;
  readonly counted: number;
  readonly replayed: number;
  readonly maybeTwice: number;
  readonly skipped: Readonly<Record<string, number>>;
  readonly refused: Readonly<Record<string, number>>;
}

export interface Imported extends Ran {
  readonly summary: Summary;
}

export interface Run {
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdin?: Iterable<Buffer>;
}

/** Runs an import in this process, its summary as JSON. */
export async function runImporting(args: readonly string[], { environment = {}, stdin = [] }: Run): Promise<Imported> {
  const [stdout, stderr] = [new Collected(), new Collected()];
  const terminal = { stdin: Readable.from(stdin), stdout, stderr };
  const status = await runImport([...args, "--json"], { LOG_LEVEL: "silent", ...environment }, terminal);
  const summary = stdout.text === "" ? ({} as Summary) : (JSON.parse(stdout.text) as Summary);
  return { status, stdout: stdout.text, stderr: stderr.text, summary };
}

export async function runSetting(args: readonly string[], environment: Record<string, string>): Promise<Ran> {
  const [stdout, stderr] = [new Collected(), new Collected()];
  const status = await runSet(args, environment, { stdout, stderr });
  return { status, stdout: stdout.text, stderr: stderr.text };
}

/** Reads the counts of a log directory. */
export async function countsOf(directory: string): Promise<Record<string, number>> {
  const { stdout } = await wal(directory, "counts", "--json");
  const { counters } = JSON.parse(stdout) as { counters: { counter: string; count: number }[] };
  return Object.fromEntries(counters.map(({ counter, count }) => [counter, count]));
}

/** Makes `count` lines of NDJSON, on three counters, and their counts. */
export function ndjson(count: number): { readonly text: string; readonly counts: Record<string, number> } {
  const counts: Record<string, number> = {};
  const lines = Array.from({ length: count }, (_, index) => {
    const counter = ["a", "b", "c"][index % 3] ?? "";
    counts[counter] = (counts[counter] ?? 0) + 1;
    return `{"counter":"${counter}"}\n`;
  });
  return { text: lines.join(""), counts };
}

export class Collected extends Writable {
  text = "";

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString("utf8");
    done();
  }
}
