/** A part of the program and what limits it; both do the same work on the same data. */
export interface Part {
  readonly name: string;
  /** Hits, lines, counters or requests per run. */
  readonly units: number;
  run(): unknown;
  readonly limit: { readonly name: string; run(): unknown };
}

export interface Parts {
  readonly list: readonly Part[];
  close(): Promise<void>;
}
