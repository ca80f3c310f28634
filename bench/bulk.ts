import { post } from "./load.js";
import { startOurs } from "./server.js";
import { grouped, median, printTable } from "./table.js";

const HITS = 1000;
const ROUNDS = 5;

/** Durable hits a second when they come a thousand in a request, validated and counted one by one. */
export async function benchBulk(): Promise<void> {
  const rows: string[][] = [];
  for (const counters of [1, 100, 1000]) {
    const server = await startOurs();
    try {
      const lines = Array.from({ length: HITS }, (_, i) => JSON.stringify({ counter: `/blog/a-post/${i % counters}` }));
      const body = { type: "application/x-ndjson", text: lines.join("\n") };
      const rates: number[] = [];
      let errors = 0;
      for (let round = 0; round <= ROUNDS; round++) {
        const load = await post({ url: `${server.url}/hits`, connections: 16, seconds: round === 0 ? 1 : 3, body });
        if (round > 0) rates.push(load.requestsPerSecond * HITS);
        errors += load.errors;
      }
      const spread = `${grouped(Math.min(...rates))}–${grouped(Math.max(...rates))}`;
      rows.push([String(counters), grouped(median(rates)), spread, String(errors)]);
    } finally {
      await server.stop();
    }
  }
  printTable(["counters", "durable hits/s", "min–max", "errors"], rows);
}
