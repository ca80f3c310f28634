/** Who may send what over HTTP. The settings' names are in config.ts. */
export interface AccessPolicy {
  /** Origins, as browsers send them, whose pages may send requests; `*` for all. */
  readonly corsOrigins: readonly string[] | "*";
  /**
   * Names by which clients may request this server, in lower case, `*.` for all below a name; `*` for any. Addresses and
   * localhost always may.
   */
  readonly allowedHosts: readonly string[] | "*";
  /** Number of proxies in front of this server that are trusted. */
  readonly trustProxy: number;
  /** A secret: never logged. Undefined: operator routes are open to everybody. */
  readonly adminToken: string | undefined;
  /** What clients without that secret may send, where there is one: `views`, single hits; `all`, any number in a request. */
  readonly publicHits: PublicHits;
  readonly countBots: boolean;
  /** Undefined: no limit. */
  readonly rateLimit: RateLimit | undefined;
}

export type PublicHits = "views" | "all";

/** The hits that one client may send in a fixed window of time. */
export interface RateLimit {
  readonly hits: number;
  readonly seconds: number;
}

/** The policy without any settings. */
export const OPEN_POLICY: AccessPolicy = Object.freeze({
  corsOrigins: "*",
  allowedHosts: "*",
  trustProxy: 0,
  adminToken: undefined,
  publicHits: "views",
  countBots: true,
  rateLimit: undefined,
});

/** Somebody who sends requests, as far as budgets distinguish clients. */
export interface Client {
  /** Distinguishes networks: a hash of the address of `CLIENT_BITS` bits, so that any number of clients takes bounded memory. */
  readonly key: number;
  readonly standing: Standing;
}

/**
 * The operator, who has `ADMIN_TOKEN`; a program on this machine, where no token is set; or anybody else. The reserves of
 * budgets are for the first two.
 */
export type Standing = "operator" | "local" | "stranger";

export function isTrusted({ standing }: Client): boolean {
  return standing !== "stranger";
}

/** Two of a hundred clients share their budgets by chance once in fifty runs. */
export const CLIENT_BITS = 18;
