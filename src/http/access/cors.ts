import type { IncomingMessage } from "node:http";
import koaCors from "@koa/cors";
import type { Middleware } from "koa";
import type { AccessPolicy } from "../../model/access.js";
import { NOT_COUNTED_HEADER, UNKNOWN_HEADER } from "../hits/not-counted.js";
import { REQUEST_ID_HEADER } from "../request-id.js";

const MAX_AGE_S = 86_400;

type OriginPolicy = Pick<AccessPolicy, "corsOrigins" | "trustProxy">;

/** Returns true if pages of this request's origin may send it: by the setting, or because they are this server's own. */
export function isOriginAllowed(req: IncomingMessage, { corsOrigins, trustProxy }: OriginPolicy): boolean {
  const { origin } = req.headers;
  if (origin === undefined || corsOrigins === "*" || corsOrigins.includes(origin)) return true;
  return origin.replace(/^https?:\/\//, "").replace(/:(80|443)$/, "") === requestedHost(req, trustProxy);
}

/**
 * Returns the middleware for CORS, without credentials, to be used before everything else. Even an origin that is not
 * allowed may read the answer to a POST: it is a refusal, and a script that could not read it would mistake it for a
 * network failure and try again.
 */
export function cors(policy: OriginPolicy): Middleware {
  const answer = koaCors({
    origin: (ctx) => {
      const { origin } = ctx.req.headers;
      if (policy.corsOrigins === "*") return "*";
      return origin !== undefined && (ctx.method === "POST" || isOriginAllowed(ctx.req, policy)) ? origin : "";
    },
    allowMethods: "GET,HEAD,POST",
    allowHeaders: `Content-Type,Idempotency-Key,${REQUEST_ID_HEADER}`,
    exposeHeaders: `Idempotent-Replayed,Retry-After,${NOT_COUNTED_HEADER},${UNKNOWN_HEADER},${REQUEST_ID_HEADER}`,
    maxAge: MAX_AGE_S,
    // Not needed: sendError keeps the headers that are set already.
    keepHeadersOnError: false,
  });
  // Programs send no Origin, and answers to POST are not cached: they need no CORS headers.
  return (ctx, next) => (ctx.method === "POST" && ctx.req.headers.origin === undefined ? next() : answer(ctx, next));
}

/** Returns the host that the client requested, in lower case, without a default port. */
function requestedHost(req: IncomingMessage, hops: number): string {
  const forwarded = hops === 0 ? undefined : req.headers["x-forwarded-host"];
  const hosts = (Array.isArray(forwarded) ? forwarded.join() : (forwarded ?? req.headers.host ?? "")).split(",");
  // The last ones were added by the trusted proxies.
  return (hosts[Math.max(0, hosts.length - Math.max(1, hops))] ?? "")
    .trim()
    .toLowerCase()
    .replace(/:(80|443)$/, "");
}
