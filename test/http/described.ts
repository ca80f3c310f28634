import type { IncomingMessage, ServerResponse } from "node:http";
import type Koa from "koa";
import { complaintsAbout } from "../support/openapi-check.js";

/**
 * Compares every answer of an application, as it is sent, with the API description. Complaints are added to the returned
 * array. Answers without the application (to input that is not HTTP) are not seen.
 */
export function collectComplaints(app: Koa): readonly string[] {
  const complaints: string[] = [];
  app.middleware.unshift((ctx, next) => {
    recordAnswer(ctx.req, ctx.res, complaints);
    return next();
  });
  return complaints;
}

function recordAnswer(req: IncomingMessage, res: ServerResponse, complaints: string[]): void {
  const { method = "", url = "" } = req;
  const chunks: Buffer[] = [];
  const headers = new Map<string, string>();
  const keep = (chunk: unknown) => {
    if (typeof chunk === "string" || chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk));
  };
  const { writeHead, write, end } = res;
  res.writeHead = ((...args: unknown[]) => {
    for (const given of args.slice(1)) noteHeaders(given, headers);
    return Reflect.apply(writeHead, res, args);
  }) as typeof res.writeHead;
  res.write = ((...args: unknown[]) => {
    keep(args[0]);
    return Reflect.apply(write, res, args);
  }) as typeof res.write;
  res.end = ((...args: unknown[]) => {
    keep(args[0]);
    return Reflect.apply(end, res, args);
  }) as typeof res.end;
  res.once("close", () => {
    // Cut off before its end: there is no answer to check. Streams end that way.
    if (!res.headersSent || (!res.writableFinished && !String(headers.get("content-type")).includes("event-stream"))) {
      return;
    }
    noteHeaders(res.getHeaders(), headers);
    const body = Buffer.concat(chunks).toString("utf8");
    complaints.push(...complaintsAbout({ method, target: targetOf(url), status: res.statusCode, headers, body }));
  });
}

function noteHeaders(given: unknown, headers: Map<string, string>): void {
  if (Array.isArray(given)) {
    for (let i = 0; i < given.length; i += 2) headers.set(String(given[i]).toLowerCase(), String(given[i + 1]));
  } else if (typeof given === "object" && given !== null) {
    for (const [name, value] of Object.entries(given)) headers.set(name.toLowerCase(), String(value));
  }
}

/** Removes the origin, which some clients and proxies send. */
function targetOf(url: string): string {
  return url.startsWith("/") ? url : url.replace(/^[a-z]+:\/\/[^/?]*/i, "") || "/";
}
