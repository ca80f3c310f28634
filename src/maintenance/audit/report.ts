export type Kind = "slot" | "sum" | "missing" | "beyond" | "document";

/** Something in the database that is not what the log says. */
export interface Difference {
  /** Null for what concerns no single counter. */
  readonly counter: string | null;
  /**
   * `slot`: its count is not the log's total at its offset. `sum`: `count` is not the sum of the slots. `missing`: hits
   * below the checkpoint are not there. `beyond`: the slot's offset lies behind the log's end; `checkpoint`: the
   * checkpoint's does. `document`: it can't be read. Those of a counter's day begin with `series-`, and the counter is the
   * document's name; `series-hours`: the hours are not the day's count.
   */
  readonly kind: Kind | "checkpoint" | `series-${Kind}` | "series-hours";
  /** The offset that the two are compared at; null where it is about the document alone. */
  readonly offset: number | null;
  /** Numbers, but for `document`. */
  readonly expected: number | string;
  /** How `found` should relate to it. */
  readonly bound: "exactly" | "at least" | "at most";
  readonly found: number | string;
}

/** A counter of which it can't be told whether it is right. */
export interface Unjudged {
  readonly counter: string;
  /** The offset at which it would have to be compared. */
  readonly offset: number;
  readonly reason: string;
}

export interface Audit {
  readonly exact: boolean;
  /** Counters that were looked at, in the database and in the log. */
  readonly checked: number;
  readonly documents: number;
  /** Counters' days: documents, and those of them and of the log that were compared. */
  readonly series: { readonly documents: number; readonly checked: number };
  /** Hits that the log has and the database is not supposed to have yet, and of how many counters they are. */
  readonly pending: number;
  readonly pendingCounters: number;
  readonly differing: readonly Difference[];
  readonly unjudged: readonly Unjudged[];
}
