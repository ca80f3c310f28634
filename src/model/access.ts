/** Who may send what over HTTP. The settings' names are in config.ts. */
export interface AccessPolicy {
  /** Origins, as browsers send them, whose pages may send requests; `*` for all. */
  readonly corsOrigins: readonly string[] | "*";
  /** Number of proxies in front of this server that are trusted. */
  readonly trustProxy: number;
  /** A secret: never logged. Undefined: operator routes are open to everybody. */
  readonly adminToken: string | undefined;
  readonly countBots: boolean;
  /** Undefined: no limit. */
  readonly rateLimit: RateLimit | undefined;
}

/** The hits that one client may send in a fixed window of time. */
export interface RateLimit {
  readonly hits: number;
  readonly seconds: number;
}

/** The policy without any settings. */
export const OPEN_POLICY: AccessPolicy = Object.freeze({
  corsOrigins: "*",
  trustProxy: 0,
  adminToken: undefined,
  countBots: true,
  rateLimit: undefined,
});
