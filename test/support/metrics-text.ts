/** The samples of a Prometheus text, by name and labels as they stand there: `a_total{code="X"}`. */
export type Samples = ReadonlyMap<string, number>;

/** Reads the text format strictly; throws for what a scraper would not take, and for a sample that is there twice. */
export function parseMetrics(text: string): Samples {
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const samples = new Map<string, number>();
  const types = new Map<string, string>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("# HELP ")) continue;
    const type = /^# TYPE (\w+) (counter|gauge|histogram)$/.exec(line);
    if (type !== null) {
      types.set(type[1] ?? "", type[2] ?? "");
      continue;
    }
    const found = /^(([a-z_]\w*)(?:\{\w+="[^"\\]*"(?:,\w+="[^"\\]*")*\})?) (\S+)$/.exec(line);
    if (found === null) throw new Error(`not a sample: ${line}`);
    const [, key = "", name = "", text = ""] = found;
    const value = /^nan$/i.test(text) ? Number.NaN : Number(text.replace("Inf", "Infinity"));
    if (Number.isNaN(value) && !/^nan$/i.test(text)) throw new Error(`no number: ${line}`);
    if (samples.has(key)) throw new Error(`twice: ${key}`);
    const family = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, "");
    if (!types.has(family)) throw new Error(`a sample before its TYPE: ${line}`);
    samples.set(key, value);
  }
  return samples;
}

/** Those whose name begins so, with the rest of their names. */
export function samplesOf(samples: Samples, prefix: string): Record<string, number> {
  const found = [...samples].filter(([key]) => key.startsWith(prefix));
  return Object.fromEntries(found.map(([key, value]) => [key.slice(prefix.length), value]));
}
