import type { IncomingMessage } from "node:http";
import koaCors from "@koa/cors";
import type { Context, Middleware } from "koa";
import type { AccessPolicy } from "../../model/access.js";
import { NOT_COUNTED_HEADER, UNKNOWN_HEADER } from "../hits/not-counted.js";
import { rawQueryValue } from "../query.js";
import { REQUEST_ID_HEADER } from "../request-id.js";
import { requestedHost } from "./hosts.js";

const MAX_AGE_S = 86_400;

type OriginPolicy = Pick<AccessPolicy, "corsOrigins" | "trustProxy">;

/** Returns true if pages of this request's origin may send it: by the setting, or because they are this server's own. */
export function isOriginAllowed(req: IncomingMessage, { corsOrigins, trustProxy }: OriginPolicy): boolean {
  const { origin } = req.headers;
  if (origin === undefined || corsOrigins === "*" || corsOrigins.includes(origin)) return true;
  return origin.replace(/^https?:\/\//, "").replace(/:(80|443)$/, "") === requestedHost(req, trustProxy);
}

/**
 * Returns the middleware for CORS, without credentials, to be used before everything else; not for operator routes. Even an
 * origin that is not allowed may read the answer to a POST: it is a refusal, and a script that could not read it would
 * mistake it for a network failure and try again.
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
  return (ctx, next) => {
    const isProgram = ctx.method === "POST" && ctx.req.headers.origin === undefined;
    return isProgram || isOperators(ctx) ? next() : answer(ctx, next);
  };
}

const OPERATORS = new Set(["/status", "/metrics", "/dashboard", "/dashboard/data"]);

/** Returns true for what only the operator reads, with the dashboard or a program: no other page may, whatever its origin. */
function isOperators({ method, path, querystring }: Context): boolean {
  if (method === "POST") return false;
  return OPERATORS.has(path) || (path === "/counters" && !hasName(querystring));
}

function hasName(query: string): boolean {
  try {
    return rawQueryValue(query, "name") !== undefined;
  } catch {
    // It is refused in any case.
    return true;
  }
}
