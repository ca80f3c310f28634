export type Kind = "slot" | "sum" | "missing" | "beyond" | "document";

/** Something in MongoDB that does not agree with the log. */
export interface Difference {
  /** Null for what concerns no single counter. */
  readonly counter: string | null;
  /**
   * `slot`: its count is not the log's total at its offset. `sum`: `count` is not the sum of the slots. `missing`: hits
   * below the checkpoint are not there. `beyond`: the slot's offset is past the end of the log; `checkpoint`: the
   * checkpoint's is. `document`: it can't be read. Those of a counter's day begin with `series-`, and the counter is the
   * document's name; `series-hours`: the hours do not add up to the day's count.
   */
  readonly kind: Kind | "checkpoint" | `series-${Kind}` | "series-hours";
  /** The offset at which the two are compared; null if it concerns the document alone. */
  readonly offset: number | null;
  /** A number, except for `document`. */
  readonly expected: number | string;
  /** The relation to it that `found` should have. */
  readonly bound: "exactly" | "at least" | "at most";
  readonly found: number | string;
}

/** A counter that can't be judged. */
export interface Unjudged {
  readonly counter: string;
  /** The offset at which it would have to be compared. */
  readonly offset: number;
  readonly reason: string;
}

export interface Audit {
  readonly exact: boolean;
  /** Counters that were compared, in MongoDB and in the log. */
  readonly checked: number;
  readonly documents: number;
  /** Days of counters: documents, and days that were compared, of MongoDB and of the log. */
  readonly series: { readonly documents: number; readonly checked: number };
  /** Hits that the log has and MongoDB is not supposed to have yet, and the number of their counters. */
  readonly pending: number;
  readonly pendingCounters: number;
  readonly differing: readonly Difference[];
  readonly unjudged: readonly Unjudged[];
}
