import { setTimeout as sleep } from "node:timers/promises";
import { hostileLoads } from "../test/support/hostile.js";
import { Probe } from "../test/support/probe.js";
import { memoryOf } from "../test/support/process-memory.js";
import { type Load, post } from "./load.js";
import type { Options } from "./options.js";
import { printRows, type Row } from "./row.js";
import { startOurs } from "./server.js";

const CONNECTIONS = 64;
const SECONDS = 6;

/** Measures the slowest hit of an ordinary client, and the server's memory, under ordinary load and each hostile load. */
export async function benchStalls({ contestants }: Options): Promise<readonly Row[]> {
  const rows: Row[] = [await measure("none", {}, async () => undefined)];
  for (const { name, environment, run } of hostileLoads) {
    if (contestants.length > 0 && !contestants.some((text) => name.includes(text))) continue;
    rows.push(await measure(name, environment, run));
    printRows(rows.slice(-1));
  }
  printRows(rows);
  return rows;
}

async function measure(
  name: string,
  environment: Readonly<Record<string, string>>,
  run: (url: string, signal: AbortSignal) => Promise<void>,
): Promise<Row> {
  const server = await startOurs({ NODE_OPTIONS: "--max-old-space-size=512", ...environment });
  const end = new AbortController();
  try {
    const load: Promise<Load> = post({ url: `${server.url}/hits/home`, connections: CONNECTIONS, seconds: SECONDS });
    await sleep(500);
    const probe = new Probe(`${server.url}/hits/probe`);
    const hostile = run(server.url, end.signal);
    const measured = await load;
    const probed = await probe.stop();
    end.abort();
    await Promise.race([hostile, sleep(60_000, undefined, { ref: false })]);
    return {
      load: name,
      "hits/s": Math.round(measured.requestsPerSecond),
      "p99 ms": probed.p99Ms,
      "slowest ms": probed.slowestMs,
      errors: measured.errors + probed.errors,
      "peak MB": memoryOf(server.pid).peak,
    };
  } finally {
    end.abort();
    await server.stop().catch(() => undefined);
  }
}
