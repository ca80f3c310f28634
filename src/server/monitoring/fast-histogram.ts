import { Histogram, type HistogramConfiguration } from "prom-client";

/**
 * A histogram without labels for what happens with every request: prom-client's own takes a third of a microsecond for each
 * value, this one about as long as the clock that the value comes from.
 */
export class FastHistogram extends Histogram {
  readonly #bounds: readonly number[];
  /** By the bound that a value is not above; the last one for those above all. */
  readonly #counts: Float64Array;
  #sum = 0;
  /** Where the value before went: values that come together are alike. */
  #at = 0;
  /** Says name, help and type; gets no value. */
  readonly #plain: Histogram;

  constructor(configuration: HistogramConfiguration<string> & { readonly buckets: readonly number[] }) {
    const buckets = [...configuration.buckets];
    super({ ...configuration, buckets });
    this.#plain = new Histogram({ ...configuration, buckets, registers: [] });
    this.#bounds = configuration.buckets;
    this.#counts = new Float64Array(this.#bounds.length + 1);
  }

  /** Takes the place of `observe`. */
  add(value: number): void {
    const bounds = this.#bounds;
    let at = this.#at;
    while (at > 0 && value <= (bounds[at - 1] ?? 0)) at--;
    while (at < bounds.length && value > (bounds[at] ?? 0)) at++;
    this.#at = at;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += value;
  }

  override async get() {
    const plain = await this.#plain.get();
    let count = 0;
    const buckets = [...this.#counts].map((more, at) => {
      count += more;
      return { metricName: `${plain.name}_bucket`, labels: { le: this.#bounds[at] ?? "+Inf" }, value: count };
    });
    const sum = { metricName: `${plain.name}_sum`, labels: {}, value: this.#sum };
    return { ...plain, values: [...buckets, sum, { metricName: `${plain.name}_count`, labels: {}, value: count }] };
  }

  /** What the registry asks a histogram for where it has it. */
  getForPromString() {
    return this.get();
  }
}
