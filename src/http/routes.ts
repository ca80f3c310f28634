import Router, { type RouterContext } from "@koa/router";
import type { Context } from "koa";
import { HitsError } from "../errors.js";
import type { Logger, Services } from "../model/services.js";
import type { ProjectionStatus } from "../model/status.js";
import type { Budgets } from "./access/budgets.js";
import type { Clients } from "./access/clients.js";
import type { HeavyReads } from "./access/heavy-reads.js";
import { JSON_TYPE, sendProblem } from "./answer.js";
import { answersNotModified, sendPage, type TaggedAsset } from "./assets.js";
import { counterInPath, counterInQuery, requiredCounter } from "./counter-name.js";
import { parseCountersQuery } from "./counters/counters.js";
import type { EventStreams } from "./counters/events.js";
import { answerSeries } from "./counters/series.js";
import { DASHBOARD_CSP, dashboardAssets, dashboardPage, parseLastSample } from "./dashboard/dashboard.js";
import type { BulkHits } from "./hits/bulk.js";
import type { Pictures } from "./hits/pictures.js";
import type { SingleHits } from "./hits/single.js";
import type { Views } from "./hits/views.js";
import { readServedOpenApi } from "./openapi/document.js";
import { answerHome, pageAssets } from "./page/page.js";
import { problemOf } from "./problem.js";
import { EMBED_CSP, embedAssets, renderEmbed } from "./script/embed.js";
import { answerScript, buildHitsScript } from "./script/script.js";

/** The parts that answer requests. */
export interface Handlers {
  readonly services: Services;
  /** The projections as everybody may see them. */
  readonly projections: () => readonly ProjectionStatus[];
  readonly clients: Clients;
  readonly budgets: Budgets;
  readonly reads: HeavyReads;
  readonly single: SingleHits;
  readonly bulk: BulkHits;
  readonly events: EventStreams;
  readonly views: Views;
  readonly pictures: Pictures;
  /** The time that hits.js keeps what it could not send. */
  readonly keepMs: number;
}

/** Returns all routes. Targets are in the normal form of app.ts; HEAD takes the route of GET. */
export function createRouter(handlers: Handlers): Router {
  const { services, clients, budgets, reads, events, pictures, keepMs } = handlers;
  // Names are read from the path as sent, not from the router: it returns what it cannot decode undecoded.
  const router = new Router({ strict: true, sensitive: true });
  const one = (ctx: RouterContext) => answerOne(ctx, handlers);
  router.post("/hits/:counter", one);
  router.post("/hits/", one);
  router.post("/hits", (ctx) => answerMany(ctx, handlers));
  const atOnce = (answer: (ctx: RouterContext) => void) => (ctx: RouterContext) =>
    reads.atOnce(clients.of(ctx.req), ctx.res, () => answer(ctx));
  const inLane = (answer: (ctx: RouterContext) => Promise<void>) => (ctx: RouterContext) =>
    reads.inLane(clients.of(ctx.req), ctx.res, () => answer(ctx));
  router.get("/counters", (ctx) => answerCounters(ctx, handlers));
  const counter = (ctx: RouterContext) => sendObject(ctx, services.view.counter(counterInPath(lastSegment(ctx.path))));
  router.get("/counters/:counter", counter);
  router.get("/counters/", counter);
  for (const name of [":counter", ""]) {
    router.get(`/hits/${name}/pixel.gif`, (ctx) => pictures.pixel(ctx));
    router.get(`/hits/${name}/badge.svg`, (ctx) => pictures.countingBadge(ctx));
    router.get(`/counters/${name}/badge.svg`, (ctx) => pictures.badge(ctx));
    router.get(
      `/counters/${name}/series`,
      atOnce((ctx) => answerSeries(ctx, services, counterInPath(ctx.path.split("/").at(-2) ?? ""))),
    );
  }
  router.get(
    "/series",
    atOnce((ctx) => answerSeries(ctx, services, requiredCounter(ctx.querystring))),
  );
  router.get(
    "/events",
    atOnce((ctx) => {
      events.open(ctx.res, requiredCounter(ctx.querystring));
      ctx.respond = false;
    }),
  );
  router.get("/status", (ctx) => {
    clients.requireOperator(ctx.req, ctx.res);
    sendObject(ctx, services.status.read());
  });
  const metrics = inLane(async (ctx) => {
    const { type, body } = await services.metrics.render(budgets.figures());
    ctx.set("Content-Type", type);
    ctx.body = body;
  });
  router.get("/metrics", (ctx) => {
    clients.requireOperator(ctx.req, ctx.res);
    return metrics(ctx);
  });
  router.get("/dashboard", (ctx) => sendPage(ctx, DASHBOARD_CSP, dashboardPage));
  const dashboardData = inLane(async (ctx) => {
    sendObject(ctx, await services.dashboard.data(parseLastSample(ctx.querystring)));
  });
  router.get("/dashboard/data", (ctx) => {
    clients.requireOperator(ctx.req, ctx.res);
    return dashboardData(ctx);
  });
  router.get("/healthz", (ctx) => sendObject(ctx, { status: "ok" }));
  router.get("/readyz", (ctx) => {
    const refusal = services.readiness.refusal();
    if (refusal !== undefined) throw refusal;
    sendObject(ctx, { status: "ready" });
  });
  router.get("/", (ctx) => answerHome(ctx, handlers));
  const script = buildHitsScript(keepMs);
  router.get("/hits.js", (ctx) => answerScript(ctx, script));
  router.get("/openapi.json", (ctx) => answerOpenApi(ctx, readServedOpenApi()));
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

/** Answers a request without a route: 204 to OPTIONS, 405 if the path has other methods, else 404. */
export function answerUnrouted(ctx: RouterContext, logger: Logger): void {
  const methods = new Set(ctx.matched?.flatMap((layer) => layer.methods));
  if (methods.size === 0) {
    const hint = /^\/(hits|counters)\//.test(ctx.path) ? "; a / in a counter's name must be sent as %2F" : "";
    throw new HitsError("NOT_FOUND", `no such path${hint}`);
  }
  const allow = [...methods, "OPTIONS"].join(", ");
  if (ctx.method === "OPTIONS") {
    ctx.set("Allow", allow);
    ctx.status = 204;
    return;
  }
  ctx.respond = false;
  const error = new HitsError("METHOD_NOT_ALLOWED", `method ${ctx.method} not allowed; allowed: ${allow}`);
  sendProblem(ctx.res, problemOf(error, { logger, request: ctx.req }), ["Allow", allow]);
}

function sendObject(ctx: Context, value: object): void {
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

async function answerCounters(ctx: Context, { services, clients, reads }: Handlers): Promise<void> {
  const name = counterInQuery(ctx.querystring, "name");
  if (name !== undefined) {
    sendObject(ctx, services.view.counter(name));
    return;
  }
  clients.requireOperator(ctx.req, ctx.res);
  const query = parseCountersQuery(ctx.querystring);
  await reads.inLane(clients.of(ctx.req), ctx.res, async () => sendObject(ctx, await services.view.counters(query)));
}

function answerOpenApi(ctx: Context, { type, etag, body }: TaggedAsset): void {
  // Kept and revalidated: it changes only with a release.
  ctx.set("Cache-Control", "no-cache");
  if (answersNotModified(ctx, etag)) return;
  ctx.set("Content-Type", type);
  ctx.body = body;
}
