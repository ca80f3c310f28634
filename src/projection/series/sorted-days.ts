/** Values by day, in the order of the days: no look-up takes longer than some 20 comparisons. */
export class SortedDays<T> {
  readonly #values = new Map<number, T>();
  /** Ascending. */
  readonly #days: number[] = [];

  get(day: number): T | undefined {
    return this.#values.get(day);
  }

  set(day: number, value: T): void {
    if (!this.#values.has(day)) this.#days.splice(this.#placeOf(day), 0, day);
    this.#values.set(day, value);
  }

  delete(day: number): void {
    if (this.#values.delete(day)) this.#days.splice(this.#placeOf(day), 1);
  }

  /** Returns the first day at or after this one. */
  firstFrom(day: number): number | undefined {
    return this.#days[this.#placeOf(day)];
  }

  /** Returns the last day before this one. */
  lastBefore(day: number): number | undefined {
    return this.#days[this.#placeOf(day) - 1];
  }

  /** Yields the days from one, up to another that is not included, with their values. */
  *range(from: number, to: number): Generator<[number, T]> {
    for (let place = this.#placeOf(from); place < this.#days.length; place++) {
      const day = this.#days[place] as number;
      if (day >= to) return;
      yield [day, this.#values.get(day) as T];
    }
  }

  [Symbol.iterator](): Generator<[number, T]> {
    return this.range(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  }

  /** Returns how many days come before this one. */
  #placeOf(day: number): number {
    let [low, high] = [0, this.#days.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#days[middle] as number) < day) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
