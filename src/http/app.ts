/**
 * The way in to src/http. `createApp` builds the Koa application, server.ts puts it on a socket. A request passes, in this
 * order: host names (access/hosts.ts) and CORS (access/cors.ts); single hits (hits/single.ts), before everything else for speed; headers and errors (here);
 * the routes (routes.ts). access/gate.ts decides whether a request may count. Thrown errors become answers in problem.ts;
 * answer.ts writes them.
 */
import type { RouterContext } from "@koa/router";
import Koa from "koa";
import { systemCode } from "../errors.js";
import { type AccessPolicy, OPEN_POLICY } from "../model/access.js";
import type { Logger, Services } from "../model/services.js";
import { Admin, publicProjections } from "./access/admin.js";
import { type BudgetBounds, Budgets } from "./access/budgets.js";
import { Clients } from "./access/clients.js";
import { cors } from "./access/cors.js";
import { Gate } from "./access/gate.js";
import { HeavyReads } from "./access/heavy-reads.js";
import { AllowedHosts, onlyAllowedHosts } from "./access/hosts.js";
import { Turns } from "./access/turns.js";
import { WrongTokens } from "./access/wrong-tokens.js";
import { sendError } from "./answer.js";
import { EventStreams, type StreamBounds } from "./counters/events.js";
import { Bodies } from "./hits/bodies.js";
import { BulkHits } from "./hits/bulk.js";
import { Pictures } from "./hits/pictures.js";
import { SingleHits } from "./hits/single.js";
import { Views } from "./hits/views.js";
import { knownRequestId } from "./request-id.js";
import { answerUnrouted, createRouter } from "./routes.js";
import { keepMsOf } from "./script/script.js";

/** Emitted on the app when the server stops, to end event streams: they have no end of their own. */
export const STOP_EVENT = "stop";

export interface AppOptions {
  readonly policy?: AccessPolicy;
  /** Bounds of `GET /events`. */
  readonly streams?: Partial<StreamBounds>;
  readonly budgets?: Partial<BudgetBounds>;
  /** Milliseconds in which some byte of a body must arrive. */
  readonly bodyProgressMs?: number;
  /** The time that the ids of hits are remembered. */
  readonly idempotencyWindowMs?: number;
}

/** The application, with what its server needs as well. */
export class App extends Koa {
  readonly clients: Clients;
  readonly budgets: Budgets;

  constructor(clients: Clients, budgets: Budgets) {
    super();
    this.clients = clients;
    this.budgets = budgets;
  }
}

/** Returns the application; it does not listen. */
export function createApp(services: Services, logger: Logger, options: AppOptions = {}): App {
  const { policy = OPEN_POLICY, streams: bounds = {}, idempotencyWindowMs = 24 * 3_600_000 } = options;
  const admin = new Admin(policy.adminToken, new WrongTokens(logger));
  const clients = new Clients(policy, admin, logger);
  const budgets = new Budgets(options.budgets);
  const app = new App(clients, budgets);
  const gate = new Gate(policy, clients);
  const turns = new Turns();
  const bodies = new Bodies(budgets.bulkBytes, options.bodyProgressMs);
  const single = new SingleHits({ services, gate, bodies, logger });
  const bulk = new BulkHits({ services, gate, bodies, turns, logger });
  const views = new Views(services, gate, logger);
  const pictures = new Pictures(services, views, logger);
  const projections = () => publicProjections(services, admin);
  const events = new EventStreams({ services, projections, clients, share: budgets.streams, logger, bounds });
  const keepMs = keepMsOf(idempotencyWindowMs);
  const router = createRouter({
    services,
    projections,
    clients,
    budgets,
    reads: new HeavyReads(turns),
    single,
    bulk,
    events,
    views,
    pictures,
    keepMs,
  });
  app.on(STOP_EVENT, () => events.stop());
  app.on("error", (error: unknown, ctx?: Koa.Context) => {
    // A connection broken while it was written to is the client's doing, and there is nobody left to answer.
    if (systemCode(error) === undefined)
      logger.error(
        { err: error, requestId: ctx === undefined ? undefined : knownRequestId(ctx.req) },
        "cannot write an answer",
      );
  });
  app.use(onlyAllowedHosts(new AllowedHosts(policy), { tally: services.tally, logger, inner: cors(policy) }));
  app.use(single.middleware());
  app.use(async (ctx, next) => {
    ctx.set("Cache-Control", "no-store");
    ctx.set("X-Content-Type-Options", "nosniff");
    ctx.req.url = normalTarget(ctx.req.url ?? "/");
    try {
      await next();
    } catch (error) {
      ctx.respond = false;
      sendError(ctx.res, error, { logger });
    }
  });
  app.use(router.routes());
  // The router passes on only what it has no route for.
  app.use((ctx) => answerUnrouted(ctx as RouterContext, logger));
  return app;
}

const ABSOLUTE = /^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i;

/**
 * Returns a request target in its normal form: path and query only. A `#`, which no target should have, is kept as a
 * character like any other: cutting the target there would count for another counter than the one that was sent.
 */
function normalTarget(url: string): string {
  const local = url.startsWith("/") ? url : url.replace(ABSOLUTE, "");
  const rooted = local === "" || local.startsWith("?") ? `/${local}` : local;
  return rooted.replaceAll("#", "%23");
}
