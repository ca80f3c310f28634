import { loadGenerator, post } from "./load.js";
import { startOurs, startPeer } from "./server.js";
import { grouped, median, printTable } from "./table.js";

const ROUNDS = 5;
const SECONDS = 3;

/** `POST /hits/:counter`, durable, against bare Koa and its router that keep nothing and answer the same JSON. */
export async function benchHttp(): Promise<void> {
  const contestants = [
    { name: "Koa + router hello", server: await startPeer("koa-router.mjs") },
    { name: "durable-hits", server: await startOurs() },
  ];
  try {
    const rows: string[][] = [];
    for (const connections of [1, 64, 256]) {
      const rates = new Map<string, number[]>();
      const slowest = new Map<string, number[]>();
      let errors = 0;
      for (let round = 0; round <= ROUNDS; round++) {
        for (const { name, server } of contestants) {
          // The first round warms up.
          const seconds = round === 0 ? 1 : SECONDS;
          const load = await post({ url: `${server.url}/hits/home`, connections, seconds });
          if (round === 0) continue;
          rates.set(name, [...(rates.get(name) ?? []), load.requestsPerSecond]);
          slowest.set(name, [...(slowest.get(name) ?? []), load.p99Milliseconds]);
          errors += load.errors;
        }
      }
      const [theirs = [], ours = []] = contestants.map(({ name }) => rates.get(name));
      for (const { name } of contestants) {
        const own = rates.get(name) ?? [];
        const ratios = own.map((rate, index) => (rate / (theirs[index] ?? 1)).toFixed(2)).sort();
        rows.push([
          name,
          String(connections),
          grouped(median(own)),
          own === ours ? `${ratios[Math.floor(ratios.length / 2)]} (${ratios[0]}–${ratios.at(-1)})` : "1",
          median(slowest.get(name) ?? []).toFixed(1),
          String(errors),
        ]);
      }
    }
    console.log(`${ROUNDS} rounds of ${SECONDS} s, alternating, by ${loadGenerator}`);
    printTable(["contestant", "connections", "answers/s", "ratio (min–max)", "p99 ms", "errors"], rows);
  } finally {
    for (const { server } of contestants) await server.stop();
  }
}
