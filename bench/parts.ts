import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { remove } from "fs-extra/esm";
import { Bench } from "tinybench";
import type { Part, Parts } from "./part.js";
import { foldParts } from "./parts-fold.js";
import { httpParts } from "./parts-http.js";
import { logParts } from "./parts-log.js";
import { projectionParts } from "./parts-projection.js";
import { formatRange, printRows, type Row } from "./row.js";
import { median } from "./table.js";

const ROUNDS = 5;
const ROUND_MS = 250;
const WARM_UP_MS = 50;

/** Measures the parts of the program alone, each against its limit: both in turn, over several rounds. */
export async function benchParts(): Promise<readonly Row[]> {
  const directory = mkdtempSync(path.join(tmpdir(), "durable-hits-parts-"));
  try {
    const rows: Row[] = [];
    for (const open of [logParts, foldParts, projectionParts, httpParts]) {
      const parts: Parts = await open(directory);
      for (const part of parts.list) rows.push(await measure(part));
      await parts.close();
    }
    printRows(rows);
    return rows;
  } finally {
    await remove(directory);
  }
}

async function measure(part: Part): Promise<Row> {
  const isAsync = { part: await returnsPromise(part.run), limit: await returnsPromise(part.limit.run) };
  const own: number[] = [];
  const limits: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const bench = new Bench({
      time: ROUND_MS,
      iterations: 2,
      warmupTime: WARM_UP_MS,
      warmupIterations: 1,
      throws: true,
    })
      .add("part", part.run, { async: isAsync.part })
      .add("limit", part.limit.run, { async: isAsync.limit });
    await bench.run();
    const [partRate = Number.NaN, limitRate = Number.NaN] = bench.tasks.map(({ result }) =>
      // From the mean, not the median: an occasional stall is part of the cost.
      "latency" in result ? (part.units * 1000) / result.latency.mean : Number.NaN,
    );
    own.push(partRate);
    limits.push(limitRate);
  }
  const ratios = own.map((rate, round) => rate / (limits[round] ?? Number.NaN));
  return {
    part: part.name,
    "per second": Math.round(median(own)),
    limit: part.limit.name,
    "limit per second": Math.round(median(limits)),
    ratio: Number(median(ratios).toFixed(3)),
    "min–max": formatRange(ratios),
  };
}

/** Tried out here, since tinybench does not wait for the end of its own trial. */
async function returnsPromise(run: () => unknown): Promise<boolean> {
  const result = run();
  await result;
  return result instanceof Promise;
}
