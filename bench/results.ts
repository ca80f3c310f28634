/**
 * What benchmarks found, as JSON in bench/results: one file a day and major version of Node. A benchmark calls `record`;
 * run.ts saves after each. A later run on the same day replaces the benchmarks it ran and keeps the others.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statfsSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, tmpdir, totalmem } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { kindByMagic } from "../src/host/mounts.js";

const directory = path.join(path.dirname(fileURLToPath(import.meta.url)), "results");

export interface Finding {
  /** When it was recorded. */
  readonly date: string;
  /** How busy the machine was when something was recorded first: the system's load average over the last minute. */
  readonly loadAverage: number;
  /** What holds for all rows: rounds, seconds, versions of peers. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** One measured thing each; units are in the names. */
  readonly rows: readonly object[];
  /** What could not run here, and why. */
  readonly leftOut: readonly { readonly what: string; readonly why: string }[];
}

export interface Results {
  /** Nothing that names the machine or its user. */
  readonly machine: Readonly<Record<string, string | number>>;
  /** By name. */
  readonly benchmarks: Readonly<Record<string, Finding>>;
}

/** The machine that this runs on, as far as it matters for speed. */
export const machine: Results["machine"] = {
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
  kernel: `${process.platform} ${release()}`,
  // Logs of benchmarks lie in the system's temporary directory.
  fileSystem: process.platform === "linux" ? kindByMagic(statfsSync(tmpdir()).type) : "unknown",
};

const findings = new Map<string, Finding>();

/** Adds rows to what is saved of a benchmark. May be called more than once for one. */
export function record(benchmark: string, rows: readonly object[], facts: Finding["facts"] = {}): void {
  const before = found(benchmark);
  const now = { date: new Date().toISOString(), facts: { ...before.facts, ...facts }, rows: [...before.rows, ...rows] };
  findings.set(benchmark, { ...before, ...now });
}

/** Says what does not run here, on the terminal and in the JSON. */
export function leaveOut(benchmark: string, what: string, why: string): void {
  console.log(`left out: ${what}: ${why}`);
  const before = found(benchmark);
  findings.set(benchmark, { ...before, leftOut: [...before.leftOut, { what, why }] });
}

function found(benchmark: string): Finding {
  const none = { date: new Date().toISOString(), loadAverage: loadavg()[0] ?? 0, facts: {}, rows: [], leftOut: [] };
  return findings.get(benchmark) ?? none;
}

/** Writes all that was recorded so far; the file's name, or undefined where there is nothing. */
export function saveResults(): string | undefined {
  if (findings.size === 0) return undefined;
  const day = new Date().toISOString().slice(0, 10);
  const name = `${day}-node${process.versions.node.split(".")[0]}.json`;
  mkdirSync(directory, { recursive: true });
  const file = path.join(directory, name);
  const earlier = existsSync(file) ? readResults(name) : undefined;
  const isSame = JSON.stringify(earlier?.machine) === JSON.stringify(machine);
  const benchmarks = { ...(isSame ? earlier?.benchmarks : {}), ...Object.fromEntries(findings) };
  writeFileSync(file, `${JSON.stringify({ machine, benchmarks }, shortened, 2)}\n`);
  return `bench/results/${name}`;
}

/** The results that hold the newest finding of a benchmark. */
export function newestResults(benchmark: string): Results | undefined {
  if (!existsSync(directory)) return undefined;
  const date = (results: Results) => results.benchmarks[benchmark]?.date ?? "";
  return readdirSync(directory)
    .filter((name) => name.endsWith(".json"))
    .map(readResults)
    .filter((results) => date(results) !== "")
    .sort((a, b) => (date(a) < date(b) ? 1 : -1))[0];
}

function readResults(name: string): Results {
  return JSON.parse(readFileSync(path.join(directory, name), "utf8")) as Results;
}

/** More digits than that are noise. */
function shortened(_: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
}
