/**
 * The hits that were sent and their outcomes, by counter: `acknowledged ≤ counted ≤ acknowledged + unknown`. A hit with an id
 * is sent until it is acknowledged, so that its outcome is known at last.
 */
export class Ledger {
  readonly #acknowledged = new Map<string, number>();
  readonly #unknown = new Map<string, number>();
  readonly #refusals = new Map<string, number>();
  /** Offsets of acknowledged hits: none may occur twice. */
  readonly #offsets = new Set<number>();
  readonly #repeated: number[] = [];

  acknowledge(counter: string, offset: number, wasUnknown: boolean): void {
    add(this.#acknowledged, counter, 1);
    if (wasUnknown) add(this.#unknown, counter, -1);
    // A replay has the offset of the first attempt, whose response was lost.
    if (this.#offsets.has(offset)) this.#repeated.push(offset);
    this.#offsets.add(offset);
  }

  /** Adds a hit without a response, or with one that leaves its outcome open. */
  addUnknown(counter: string): void {
    add(this.#unknown, counter, 1);
  }

  refuse(code: string): void {
    add(this.#refusals, code, 1);
  }

  get acknowledged(): number {
    return sum(this.#acknowledged);
  }

  get unknown(): number {
    return sum(this.#unknown);
  }

  /** Responses that report a hit as not counted, by code. */
  get refusals(): ReadonlyMap<string, number> {
    return this.#refusals;
  }

  /** Compares counts with the outcomes; returns a line per discrepancy. */
  discrepancies(counted: ReadonlyMap<string, number>): string[] {
    const names = new Set([...this.#acknowledged.keys(), ...this.#unknown.keys(), ...counted.keys()]);
    const lines = this.#repeated.map((offset) => `offset ${offset} was assigned twice`);
    for (const name of names) {
      const least = this.#acknowledged.get(name) ?? 0;
      const most = least + (this.#unknown.get(name) ?? 0);
      const count = counted.get(name) ?? 0;
      if (count < least || count > most) lines.push(`${name}: ${count} counted, ${least} to ${most} expected`);
    }
    return lines;
  }
}

function add(map: Map<string, number>, name: string, n: number): void {
  map.set(name, (map.get(name) ?? 0) + n);
}

function sum(map: ReadonlyMap<string, number>): number {
  return [...map.values()].reduce((total, n) => total + n, 0);
}
