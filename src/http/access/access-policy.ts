/** Who may do what. The settings' names are in src/config.ts. */
export interface AccessPolicy {
  /** Origins whose pages may call from a browser; `*` for all. */
  readonly corsOrigins: readonly string[] | "*";
  /** How many proxies in front of this server are believed. */
  readonly trustProxy: number;
  /** Undefined: whatever is otherwise for its bearer is for everybody. */
  readonly adminToken: string | undefined;
  readonly countBots: boolean;
  /** Hits that one client may send in a time; undefined for any number. */
  readonly rateLimit: RateLimit | undefined;
}

export interface RateLimit {
  readonly hits: number;
  readonly seconds: number;
}

/** As with no setting at all. */
export const OPEN_POLICY: AccessPolicy = Object.freeze({
  corsOrigins: "*",
  trustProxy: 0,
  adminToken: undefined,
  countBots: true,
  rateLimit: undefined,
});
