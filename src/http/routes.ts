import Router, { type RouterContext } from "@koa/router";
import type { Context } from "koa";
import { HitsError } from "../errors.js";
import type { Logger } from "../model/logger.js";
import type { Services } from "../model/services.js";
import type { ProjectionStatus } from "../model/status.js";
import type { Admin } from "./access/admin.js";
import { JSON_TYPE, sendProblem } from "./answer.js";
import { counterInPath, counterInQuery } from "./counters/counter-name.js";
import { countersQueryIn } from "./counters/counters-query.js";
import type { EventStreams } from "./counters/events.js";
import { answerSeries } from "./counters/series.js";
import { DASHBOARD_CSP, dashboardAssets, dashboardPage } from "./dashboard/dashboard-page.js";
import { historyAfterIn } from "./dashboard/dashboard-query.js";
import type { BulkHits } from "./hits/bulk.js";
import type { Pictures } from "./hits/pictures.js";
import type { SingleHits } from "./hits/single.js";
import type { Views } from "./hits/views.js";
import { servedOpenApi, type Tagged } from "./openapi/document.js";
import { answerHome } from "./page/home.js";
import { pageAssets } from "./page/page.js";
import { problemOf } from "./problem.js";
import { EMBED_CSP, embedAssets, renderEmbed } from "./script/embed.js";
import { type HitsScript, hitsScript, hitsScriptHeaders } from "./script/script.js";
import { sendPage } from "./template.js";

/** What the routes hand requests on to. */
export interface Handlers {
  readonly services: Services;
  /** The projections as everybody may see them. */
  readonly projections: () => readonly ProjectionStatus[];
  readonly admin: Admin;
  readonly single: SingleHits;
  readonly bulk: BulkHits;
  readonly events: EventStreams;
  readonly views: Views;
  readonly pictures: Pictures;
  /** How long hits.js keeps what it could not send. */
  readonly keepMs: number;
}

/** Every route there is. Targets are in the form of `normalTarget`; HEAD goes where GET goes. */
export function createRouter(handlers: Handlers): Router {
  const { services, projections, admin, events, views, pictures, keepMs } = handlers;
  // Names are taken from the path as it was sent, never from the router: it hands out what it can't decode undecoded.
  const router = new Router({ strict: true, sensitive: true });
  const one = (ctx: RouterContext) => answerOne(ctx, handlers);
  router.post("/hits/:counter", one);
  router.post("/hits/", one);
  router.post("/hits", (ctx) => answerMany(ctx, handlers));
  router.get("/counters", (ctx) => answerCounters(ctx, handlers));
  const counter = (ctx: RouterContext) => json(ctx, services.view.counter(counterInPath(lastSegment(ctx.path))));
  router.get("/counters/:counter", counter);
  router.get("/counters/", counter);
  for (const name of [":counter", ""]) {
    router.get(`/hits/${name}/pixel.gif`, (ctx) => pictures.pixel(ctx));
    router.get(`/hits/${name}/badge.svg`, (ctx) => pictures.countingBadge(ctx));
    router.get(`/counters/${name}/badge.svg`, (ctx) => pictures.badge(ctx));
    router.get(`/counters/${name}/series`, (ctx) =>
      answerSeries(ctx, services, counterInPath(ctx.path.split("/").at(-2) ?? "")),
    );
  }
  router.get("/series", (ctx) => answerSeries(ctx, services, counterNamed(ctx, "/series")));
  router.get("/events", (ctx) => answerEvents(ctx, events));
  router.get("/status", (ctx) => {
    admin.require(ctx.req, ctx.res);
    json(ctx, services.status.read());
  });
  router.get("/metrics", async (ctx) => {
    admin.require(ctx.req, ctx.res);
    const { type, body } = await services.metrics.render(events.count);
    ctx.set("Content-Type", type);
    ctx.body = body;
  });
  router.get("/dashboard", (ctx) => sendPage(ctx, DASHBOARD_CSP, dashboardPage));
  router.get("/dashboard/data", async (ctx) => {
    admin.require(ctx.req, ctx.res);
    json(ctx, await services.dashboard.data(historyAfterIn(ctx.querystring)));
  });
  router.get("/healthz", (ctx) => json(ctx, { status: "ok" }));
  router.get("/readyz", (ctx) => answerReady(ctx, services));
  router.get("/", (ctx) => answerHome(ctx, services, views, projections));
  const script = hitsScript(keepMs);
  router.get("/hits.js", (ctx) => answerScript(ctx, script));
  // Put together when it is first asked for: a start need not wait for it.
  router.get("/openapi.json", (ctx) => answerOpenApi(ctx, servedOpenApi()));
  const embed = renderEmbed(keepMs);
  router.get("/embed", (ctx) => sendPage(ctx, EMBED_CSP, embed));
  for (const [name, { type, body }] of [...pageAssets, ...embedAssets, ...dashboardAssets]) {
    router.get(`/${name}`, (ctx) => {
      ctx.set("Content-Type", type);
      ctx.body = body;
    });
  }
  return router;
}

/** Answers what no route took: 405 where the path has other methods, else 404. OPTIONS is told the methods. */
export function answerUnrouted(ctx: RouterContext, logger: Logger): void {
  const allowed = new Set(ctx.matched?.flatMap((layer) => layer.methods));
  if (allowed.size === 0) {
    const hint = /^\/(hits|counters)\//.test(ctx.path) ? ": a / in a counter's name is sent as %2F" : "";
    throw new HitsError("NOT_FOUND", `there is nothing at this path${hint}`);
  }
  const allow = [...allowed, "OPTIONS"].join(", ");
  if (ctx.method === "OPTIONS") {
    ctx.set("Allow", allow);
    ctx.status = 204;
    return;
  }
  ctx.respond = false;
  const error = new HitsError("METHOD_NOT_ALLOWED", `${ctx.method} is not for this path: ${allow} are`);
  sendProblem(ctx.res, problemOf(error, logger, ctx.req), ["Allow", allow]);
}

function json(ctx: Context, value: object): void {
  ctx.set("Content-Type", JSON_TYPE);
  ctx.body = JSON.stringify(value);
}

function lastSegment(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

async function answerOne(ctx: Context, { single }: Handlers): Promise<void> {
  ctx.respond = false;
  await single.answer(ctx.req, ctx.res, lastSegment(ctx.path), ctx.querystring);
}

async function answerMany(ctx: Context, { single, bulk }: Handlers): Promise<void> {
  const counter = counterInQuery(ctx.querystring, "counter");
  ctx.respond = false;
  if (counter === undefined) await bulk.answer(ctx.req, ctx.res);
  else await single.answerFor(ctx.req, ctx.res, counter, ctx.querystring);
}

function answerCounters(ctx: Context, { services, admin }: Handlers): void {
  const name = counterInQuery(ctx.querystring, "name");
  if (name !== undefined) {
    json(ctx, services.view.counter(name));
    return;
  }
  admin.require(ctx.req, ctx.res);
  json(ctx, services.view.counters(countersQueryIn(ctx.querystring)));
}

function answerEvents(ctx: Context, events: EventStreams): void {
  events.open(ctx.res, counterNamed(ctx, "/events"));
  ctx.respond = false;
}

function counterNamed(ctx: Context, path: string): string {
  const counter = counterInQuery(ctx.querystring, "counter");
  if (counter === undefined) throw new HitsError("INVALID_QUERY", `which counter? ${path}?counter=NAME`);
  return counter;
}

function answerScript(ctx: Context, { type, etag, gzipped, body }: HitsScript): void {
  ctx.set(hitsScriptHeaders);
  ctx.set("ETag", etag);
  ctx.vary("Accept-Encoding");
  ctx.status = 200;
  if (ctx.fresh) {
    ctx.status = 304;
    return;
  }
  const zips = ctx.acceptsEncodings("gzip", "identity") === "gzip";
  if (zips) ctx.set("Content-Encoding", "gzip");
  ctx.set("Content-Type", type);
  ctx.body = zips ? gzipped : body;
}

function answerOpenApi(ctx: Context, { type, etag, body }: Tagged): void {
  // Kept, and looked at again by its tag: it changes with a release only.
  ctx.set("Cache-Control", "no-cache");
  ctx.set("ETag", etag);
  ctx.status = 200;
  if (ctx.fresh) {
    ctx.status = 304;
    return;
  }
  ctx.set("Content-Type", type);
  ctx.body = body;
}

function answerReady(ctx: Context, services: Services): void {
  const refusal = services.readiness.refusal();
  if (refusal !== undefined) throw refusal;
  json(ctx, { status: "ready" });
}
