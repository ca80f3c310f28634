import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import type { Context, Middleware } from "koa";
import { HitsError } from "../../errors.js";
import type { AccessPolicy } from "../../model/access.js";
import type { Logger, UncountedTally } from "../../model/services.js";
import { sendError } from "../answer.js";
import { notCountedHeader } from "../hits/not-counted.js";

type HostPolicy = Pick<AccessPolicy, "allowedHosts" | "trustProxy">;

/**
 * The names by which this server may be requested. A page whose own name was rebound to this server's address would be of
 * the same origin, so that its scripts could read everything; its name, in the Host header, gives it away. Addresses and
 * localhost can't be rebound.
 */
export class AllowedHosts {
  readonly #policy: HostPolicy;
  /** The last header that was allowed: nearly all requests have the same one. */
  #allowed: string | undefined;

  constructor(policy: HostPolicy) {
    this.#policy = policy;
  }

  isAllowed(req: IncomingMessage): boolean {
    const { allowedHosts, trustProxy } = this.#policy;
    if (allowedHosts === "*") return true;
    const host = trustProxy === 0 ? req.headers.host : requestedHost(req, trustProxy);
    // Only programs send none, in HTTP/1.0.
    if (host === undefined || host === this.#allowed) return true;
    const name = nameOf(host);
    if (!isOwnName(name) && !allowedHosts.some((pattern) => matches(pattern, name))) return false;
    this.#allowed = host;
    return true;
  }

  refusal(req: IncomingMessage): HitsError {
    const name = nameOf(requestedHost(req, this.#policy.trustProxy)).slice(0, 200);
    return new HitsError(
      "HOST_NOT_ALLOWED",
      `the host name ${JSON.stringify(name)} is not one of this server's: set ALLOWED_HOSTS, or TRUST_PROXY if a proxy is in front of it`,
    );
  }
}

const HEALTH = new Set(["/healthz", "/readyz"]);

/** Returns the middleware that refuses requests by other host names, but for health checks, and calls `inner` for all others. */
export function onlyAllowedHosts(
  hosts: AllowedHosts,
  { tally, logger, inner }: { readonly tally: UncountedTally; readonly logger: Logger; readonly inner: Middleware },
): Middleware {
  return (ctx, next) => {
    if (hosts.isAllowed(ctx.req) || HEALTH.has(ctx.path)) return inner(ctx, next);
    ctx.respond = false;
    const isHit = couldCount(ctx);
    const headers = isHit ? { headers: notCountedHeader } : undefined;
    sendError(ctx.res, hosts.refusal(ctx.req), { logger, ...headers });
    if (isHit) tally.noteRejected("HOST_NOT_ALLOWED", 1);
    return Promise.resolve();
  };
}

function couldCount({ method, path }: Context): boolean {
  if (method === "POST") return /^\/hits(\/|$)/.test(path);
  return method === "GET" && /^\/(hits\/[^/]*\/(pixel\.gif|badge\.svg))?$/.test(path);
}

/** Returns true for a request with more than one Host header: this server and a proxy might each take another one. */
export function hasManyHosts({ rawHeaders }: IncomingMessage): boolean {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length === 4 && (name === "Host" || name.toLowerCase() === "host")) hosts++;
  }
  return hosts > 1;
}

/** Returns the host that the client requested, in lower case, without a default port. */
export function requestedHost(req: IncomingMessage, hops: number): string {
  const forwarded = hops === 0 ? undefined : req.headers["x-forwarded-host"];
  const hosts = (Array.isArray(forwarded) ? forwarded.join() : (forwarded ?? req.headers.host ?? "")).split(",");
  // The last ones were added by the trusted proxies.
  return (hosts[Math.max(0, hosts.length - Math.max(1, hops))] ?? "")
    .trim()
    .toLowerCase()
    .replace(/:(80|443)$/, "");
}

/** Returns a host without port, brackets and final dot, in lower case. */
function nameOf(host: string): string {
  return host
    .trim()
    .toLowerCase()
    .replace(/:\d*$/, "")
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "");
}

function isOwnName(name: string): boolean {
  return isIP(name) !== 0 || name === "localhost" || name.endsWith(".localhost");
}

function matches(pattern: string, name: string): boolean {
  return pattern.startsWith("*.") ? name.endsWith(pattern.slice(1)) : name === pattern;
}
