export interface ServiceStatus {
  readonly log: {
    readonly id: string;
    readonly epoch: number;
    readonly start: number;
    readonly end: number;
    readonly segments: number;
    readonly bytes: number;
    readonly damage: readonly DamageStatus[];
    readonly missing: readonly MissingStatus[];
  };
  readonly projections: readonly ProjectionStatus[];
  /** Hits accepted and hits refused since the start of this process. */
  readonly accepted: number;
  readonly rejected: number;
  /** Seconds since the start of this process. */
  readonly uptime: number;
}

export interface DamageStatus {
  readonly file: string;
  readonly byte: number;
  readonly from: number;
  readonly to: number | null;
  readonly found: string;
}

/** Offsets that a repair has written down as missing. */
export interface MissingStatus {
  readonly file: string;
  readonly from: number;
  readonly to: number;
  /** RFC 3339. */
  readonly repaired: string;
  /** Records that stand for what is missing, by what a snapshot or the database knew. */
  readonly mended: number;
  /** False: the database has not been asked yet, and its projection waits in front of this. */
  readonly settled: boolean;
}

export interface ProjectionStatus {
  readonly name: string;
  readonly checkpoint: number;
  /** In hits. */
  readonly lag: number;
  readonly state: "running" | "retrying" | "halted";
  /** Counters that can't be projected for a reason of their own, and the first hundred of them. */
  readonly blocked: number;
  readonly blockedCounters?: readonly { readonly counter: string; readonly reason: string }[];
  readonly lastError: string | null;
  /** Failed attempts since the start of this process; absent where another process makes them, or there are none to make. */
  readonly errors?: number;
  /** Counters' days that the database may lack hits of; absent as `errors` is. */
  readonly seriesOwed?: number;
  /** RFC 3339: since when it is in this state. */
  readonly since: string;
}
