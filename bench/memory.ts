import { startOurs } from "./server.js";
import { grouped, printTable } from "./table.js";

const CASES = [
  { hits: 1_000_000, counters: 1000 },
  { hits: 1_000_000, counters: 1_000_000 },
];
const PER_REQUEST = 10_000;

/** What the server takes after a million hits on a thousand counters, and on a million. */
export async function benchMemory(): Promise<void> {
  const rows: string[][] = [];
  for (const { hits, counters } of CASES) {
    const server = await startOurs();
    try {
      for (let at = 0; at < hits; at += PER_REQUEST) {
        const lines = Array.from({ length: PER_REQUEST }, (_, i) => `{"counter":"/a/page/of/${(at + i) % counters}"}`);
        const headers = { "content-type": "application/x-ndjson" };
        const response = await fetch(`${server.url}/hits`, { method: "POST", body: lines.join("\n"), headers });
        if (response.status !== 202) throw new Error(`refused: ${await response.text()}`);
      }
      rows.push([grouped(hits), grouped(counters), `${grouped(server.memory() / 1e6)} MB`]);
    } finally {
      await server.stop();
    }
  }
  printTable(["hits", "counters", "resident"], rows);
}
