import { counterNames } from "./counter-names.js";

const PER_REQUEST = 10_000;
/** Request bodies that are kept and sent again. */
const MAX_BODIES = 100;
const AT_ONCE = 2;

/** Counts hits, ten thousand per request, on this many counters in turn. */
export async function sendHits(url: string, hits: number, counters: number): Promise<void> {
  const bodies = bodiesFor(counters);
  let next = 0;
  const send = async () => {
    for (let at = next++; at * PER_REQUEST < hits; at = next++) {
      const response = await fetch(`${url}/hits`, {
        method: "POST",
        headers: { "content-type": "application/x-ndjson" },
        body: bodies[at % bodies.length] ?? "",
      });
      const answer = await response.text();
      if (response.status !== 202) throw new Error(`hits of this benchmark were refused: ${answer}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, send));
}

function bodiesFor(counters: number): string[] {
  const names = counterNames(Math.min(counters, MAX_BODIES * PER_REQUEST));
  const count = Math.ceil(names.length / PER_REQUEST);
  return Array.from({ length: count }, (_, body) =>
    Array.from(
      { length: PER_REQUEST },
      (_, line) => `{"counter":"${names[(body * PER_REQUEST + line) % names.length]}"}`,
    ).join("\n"),
  );
}
