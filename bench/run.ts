/**
 * `npm run bench` runs all benchmarks, `npm run bench -- parts http` those named. Each compares its contestants in one run,
 * alternating, because machines are noisy: read the ratios. README.md says what each measures.
 */
import { cpus, totalmem } from "node:os";
import { benchBulk } from "./bulk.js";
import { benchHttp } from "./http.js";
import { benchMemory } from "./memory.js";
import { benchOutage } from "./outage.js";
import { benchParts } from "./parts.js";

const benchmarks: Record<string, () => Promise<void>> = {
  parts: benchParts,
  http: benchHttp,
  bulk: benchBulk,
  memory: benchMemory,
  outage: benchOutage,
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => benchmarks[name] === undefined);
if (unknown.length > 0) {
  console.error(`no benchmark ${unknown.join(", ")}: there are ${Object.keys(benchmarks).join(", ")}`);
  process.exit(64);
}
const cpu = cpus()[0]?.model ?? "unknown";
console.log(`Node ${process.version}, ${cpus().length} × ${cpu}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB\n`);
for (const name of asked.length > 0 ? asked : Object.keys(benchmarks)) {
  console.log(`## ${name}`);
  await benchmarks[name]?.();
  console.log();
}
