import { systemCode } from "../../src/errors.js";

/** The outcome of a request for its hits; `wrong` for an answer that a working server never gives. */
export interface Answer {
  readonly outcome: "counted" | "refused" | "unknown" | "wrong";
  readonly text: string;
}

/** A client that keeps its own ledger: what was acknowledged, what was left unanswered, what was refused. */
export class LedgerClient {
  readonly acknowledged = new Map<string, number>();
  readonly unanswered = new Map<string, number>();
  /** Offsets that acknowledged hits were given. */
  readonly offsets: number[] = [];
  /** Answers that are neither an acknowledgement nor a refusal that means "not counted". */
  readonly unexpected: string[] = [];

  /** Sends one hit, with a payload (a JSON object) where one is given, and enters what became of it. */
  async hit(url: string, counter: string, payload?: string): Promise<Answer> {
    const target = `${url}/hits/${encodeURIComponent(counter)}`;
    const answer = await post(target, payload === undefined ? {} : { body: payload });
    this.#enter(answer, [counter]);
    if (answer.outcome === "counted") this.offsets.push((JSON.parse(answer.text) as { offset: number }).offset);
    return answer;
  }

  /** Sends many at once and enters what became of them: all or none. */
  async bulk(url: string, counters: readonly string[]): Promise<Answer> {
    const body = counters.map((counter) => JSON.stringify({ counter })).join("\n");
    const answer = await post(`${url}/hits`, { body, headers: { "content-type": "application/x-ndjson" } });
    this.#enter(answer, counters);
    return answer;
  }

  #enter({ outcome, text }: Answer, counters: readonly string[]): void {
    if (outcome === "wrong") this.unexpected.push(text);
    if (outcome === "counted") for (const counter of counters) add(this.acknowledged, counter, 1);
    if (outcome === "unknown") for (const counter of counters) add(this.unanswered, counter, 1);
  }

  /** Lists, one line each, the counters for which `acknowledged ≤ counted ≤ acknowledged + unanswered` does not hold. */
  wrong(counted: ReadonlyMap<string, number>): string[] {
    const names = new Set([...this.acknowledged.keys(), ...this.unanswered.keys(), ...counted.keys()]);
    const lines: string[] = [];
    for (const name of names) {
      const least = this.acknowledged.get(name) ?? 0;
      const most = least + (this.unanswered.get(name) ?? 0);
      const count = counted.get(name) ?? 0;
      if (count < least || count > most) lines.push(`${name}: ${count} counted, ${least} to ${most} expected`);
    }
    return lines;
  }
}

/** All counters of a server, by as many pages as it takes. */
export async function allCounts(url: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  let after: string | null = null;
  do {
    const query: string = after === null ? "" : `&after=${encodeURIComponent(after)}`;
    const response = await fetch(`${url}/counters?limit=1000${query}`);
    const page = (await response.json()) as { counters: { counter: string; count: number }[]; next: string | null };
    for (const { counter, count } of page.counters) counts.set(counter, count);
    after = page.next;
  } while (after !== null);
  return counts;
}

/** Sends it; resolves to what its answer, or the lack of one, means for its hits. */
export async function post(url: string, options: RequestInit = {}): Promise<Answer> {
  try {
    const response = await fetch(url, { method: "POST", ...options });
    const text = await response.text();
    if (response.status === 202) return { outcome: "counted", text };
    if (/"code":"LOG_FAILED"/.test(text)) return { outcome: "unknown", text };
    return { outcome: response.status === 503 ? "refused" : "wrong", text: `${response.status} ${text}` };
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    // Nobody was there to send anything to.
    const refused = systemCode(cause) === "ECONNREFUSED";
    return { outcome: refused ? "refused" : "unknown", text: String(cause ?? error) };
  }
}

function add(map: Map<string, number>, name: string, n: number): void {
  map.set(name, (map.get(name) ?? 0) + n);
}
