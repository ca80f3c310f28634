/** A client that keeps its own ledger: what was acknowledged, what was left unanswered, what was refused. */
export class LedgerClient {
  readonly acknowledged = new Map<string, number>();
  readonly unanswered = new Map<string, number>();
  /** Offsets that acknowledged hits were given. */
  readonly offsets: number[] = [];
  /** Answers that are neither an acknowledgement nor a refusal that says "not counted". */
  readonly unexpected: string[] = [];

  /** Sends one hit and enters what became of it. */
  async hit(url: string, counter: string): Promise<void> {
    try {
      const response = await fetch(`${url}/hits/${encodeURIComponent(counter)}`, { method: "POST" });
      const text = await response.text();
      if (response.status === 202) {
        add(this.acknowledged, counter, 1);
        this.offsets.push((JSON.parse(text) as { offset: number }).offset);
      } else if (/"code":"LOG_FAILED"/.test(text)) add(this.unanswered, counter, 1);
      else if (response.status !== 503) this.unexpected.push(`${response.status} ${text}`);
    } catch {
      add(this.unanswered, counter, 1);
    }
  }

  /** Sends many at once and enters what became of them: all or none. */
  async bulk(url: string, counters: readonly string[]): Promise<void> {
    const body = counters.map((counter) => JSON.stringify({ counter })).join("\n");
    const headers = { "content-type": "application/x-ndjson" };
    try {
      const response = await fetch(`${url}/hits`, { method: "POST", body, headers });
      const text = await response.text();
      if (response.status === 202) for (const counter of counters) add(this.acknowledged, counter, 1);
      else if (response.status !== 503) this.unexpected.push(`${response.status} ${text}`);
    } catch {
      for (const counter of counters) add(this.unanswered, counter, 1);
    }
  }

  /** Where `acknowledged ≤ counted ≤ acknowledged + unanswered` does not hold, as lines. */
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

function add(map: Map<string, number>, name: string, n: number): void {
  map.set(name, (map.get(name) ?? 0) + n);
}
