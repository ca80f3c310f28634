/**
 * Results of benchmarks, as JSON in bench/results: one file per day and major version of Node. A benchmark calls `record`;
 * run.ts saves after each. A later run on the same day replaces the benchmarks it ran and keeps the others.
 */
import { existsSync, readdirSync, statfsSync } from "node:fs";
import { cpus, loadavg, release, tmpdir, totalmem } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { outputJsonSync, readJsonSync } from "fs-extra/esm";
import { kindByMagic } from "../src/host/mounts.js";

const directory = path.join(path.dirname(fileURLToPath(import.meta.url)), "results");

export interface Finding {
  /** Time of the last `record`. */
  readonly date: string;
  /** How busy the machine was at the first `record`: the system's load average over the last minute. */
  readonly loadAverage: number;
  /** What applies to all rows: rounds, seconds, versions of peers. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** One measurement each; the names contain the units. */
  readonly rows: readonly object[];
  /** Contestants that could not run here, and why. */
  readonly leftOut: readonly { readonly what: string; readonly why: string }[];
}

export interface Results {
  /** Names neither the machine nor its user. */
  readonly machine: Readonly<Record<string, string | number>>;
  /** By name. */
  readonly benchmarks: Readonly<Record<string, Finding>>;
}

/** The machine's properties that matter for speed. */
export const machine: Results["machine"] = {
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
  kernel: `${process.platform} ${release()}`,
  // Benchmarks keep their logs in the system's temporary directory.
  fileSystem: process.platform === "linux" ? kindByMagic(statfsSync(tmpdir()).type) : "unknown",
};

const findings = new Map<string, Finding>();

/** Adds rows and facts to a benchmark's finding. */
export function record(benchmark: string, rows: readonly object[], facts: Finding["facts"] = {}): void {
  const before = findingOf(benchmark);
  const now = { date: new Date().toISOString(), facts: { ...before.facts, ...facts }, rows: [...before.rows, ...rows] };
  findings.set(benchmark, { ...before, ...now });
}

/** Reports what does not run here, on the terminal and in the JSON. */
export function leaveOut(benchmark: string, what: string, why: string): void {
  console.log(`left out: ${what}: ${why}`);
  const before = findingOf(benchmark);
  findings.set(benchmark, { ...before, leftOut: [...before.leftOut, { what, why }] });
}

function findingOf(benchmark: string): Finding {
  const none = { date: new Date().toISOString(), loadAverage: loadavg()[0] ?? 0, facts: {}, rows: [], leftOut: [] };
  return findings.get(benchmark) ?? none;
}

/** Saves everything recorded so far. Returns the file's name, or undefined if nothing was recorded. */
export function saveResults(): string | undefined {
  if (findings.size === 0) return undefined;
  const day = new Date().toISOString().slice(0, 10);
  const name = `${day}-node${process.versions.node.split(".")[0]}.json`;
  const file = path.join(directory, name);
  const earlier = existsSync(file) ? readResults(name) : undefined;
  const isSame = JSON.stringify(earlier?.machine) === JSON.stringify(machine);
  const benchmarks = { ...(isSame ? earlier?.benchmarks : {}), ...Object.fromEntries(findings) };
  outputJsonSync(file, { machine, benchmarks }, { replacer: roundNumber, spaces: 2 });
  return `bench/results/${name}`;
}

/** Returns the results with the newest finding of a benchmark. */
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
  return readJsonSync(path.join(directory, name)) as Results;
}

/** Keeps four digits: the rest is noise. */
function roundNumber(_: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
}
