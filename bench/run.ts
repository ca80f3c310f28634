/**
 * `npm run bench` runs all benchmarks, `npm run bench -- parts http` those named. Each compares its contestants in one run,
 * alternating, because machines are noisy: compare ratios. README.md describes what each measures.
 */
import { benchBulk } from "./bulk.js";
import { benchCatchUp } from "./catch-up.js";
import { drawChart } from "./chart.js";
import { benchDisk } from "./disk.js";
import { benchHttp } from "./http.js";
import { benchMemory } from "./memory.js";
import { type Options, readOptions, USAGE } from "./options.js";
import { benchOutage } from "./outage.js";
import { benchParts } from "./parts.js";
import { machine, record, saveResults } from "./results.js";
import { benchStalls } from "./stalls.js";
import { benchStart } from "./start.js";

/** Benchmarks by name. The rows that one returns are recorded here. */
const benchmarks: Record<string, (options: Options) => Promise<unknown>> = {
  parts: benchParts,
  http: benchHttp,
  bulk: benchBulk,
  memory: benchMemory,
  disk: benchDisk,
  start: benchStart,
  outage: benchOutage,
  stalls: benchStalls,
  "catch-up": benchCatchUp,
};

// Exit handlers stop what the benchmarks started, on Ctrl-C too.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

const { names, options } = readArguments();
if (names.includes("chart")) {
  try {
    console.log(drawChart());
    process.exit();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}
console.log(
  `${Object.entries(machine)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ")}\n`,
);
for (const name of names.length > 0 ? names : Object.keys(benchmarks)) {
  console.log(`## ${name}`);
  const rows = await benchmarks[name]?.(options);
  if (Array.isArray(rows)) record(name, rows);
  const file = options.dry ? undefined : saveResults();
  console.log(file === undefined ? "" : `written to ${file}\n`);
}

function readArguments(): ReturnType<typeof readOptions> {
  try {
    const read = readOptions(process.argv.slice(2));
    const unknown = read.names.filter((name) => benchmarks[name] === undefined && name !== "chart");
    if (unknown.length === 0) return read;
    console.error(`unknown benchmark ${unknown.join(", ")}; known: ${Object.keys(benchmarks).join(", ")}, chart`);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n${USAGE}`);
  }
  process.exit(64);
}
