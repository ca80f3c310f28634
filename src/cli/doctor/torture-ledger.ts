/**
 * What was sent and what became of it, by counter: `acknowledged ≤ counted ≤ acknowledged + unknown`. A hit with an id is
 * sent again until it is acknowledged, and then it is known.
 */
export class Ledger {
  readonly #acknowledged = new Map<string, number>();
  readonly #unknown = new Map<string, number>();
  readonly #refusals = new Map<string, number>();
  /** Offsets that were given out: none may come twice. */
  readonly #offsets = new Set<number>();
  readonly #repeated: number[] = [];

  acknowledge(counter: string, offset: number, wasUnknown: boolean): void {
    add(this.#acknowledged, counter, 1);
    if (wasUnknown) add(this.#unknown, counter, -1);
    // A replay says the offset of the first time, whose answer nobody got.
    if (this.#offsets.has(offset)) this.#repeated.push(offset);
    this.#offsets.add(offset);
  }

  /** No answer, or one that leaves it open. */
  doubt(counter: string): void {
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

  /** Refusals that say "not counted", by code. */
  get refusals(): ReadonlyMap<string, number> {
    return this.#refusals;
  }

  /** What is wrong with these counts, a line for each. */
  wrong(counted: ReadonlyMap<string, number>): string[] {
    const names = new Set([...this.#acknowledged.keys(), ...this.#unknown.keys(), ...counted.keys()]);
    const lines = this.#repeated.map((offset) => `offset ${offset} was given out twice`);
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
