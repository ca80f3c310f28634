/**
 * The way in to src/http. `createApp` builds the Koa application, server.ts gives it a socket. A request meets, in
 * this order: CORS (cors.ts), single hits (single.ts, ahead of all else for speed), headers and errors (here), the
 * routes (routes.ts). Whether it may count is asked of gate.ts.
 * Whatever is thrown on the way becomes an answer in problem.ts; answer.ts writes it.
 */
import type { RouterContext } from "@koa/router";
import Koa from "koa";
import { systemCode } from "../errors.js";
import type { Logger } from "../model/logger.js";
import type { Services } from "../model/services.js";
import { type AccessPolicy, OPEN_POLICY } from "./access/access-policy.js";
import { Admin, publicProjections } from "./access/admin.js";
import { cors } from "./access/cors.js";
import { Gate } from "./access/gate.js";
import { sendError } from "./answer.js";
import { EventStreams, type StreamBounds } from "./counters/events.js";
import { BulkHits } from "./hits/bulk.js";
import { Pictures } from "./hits/pictures.js";
import { SingleHits } from "./hits/single.js";
import { Views } from "./hits/views.js";
import { knownRequestId } from "./request-id.js";
import { answerUnrouted, createRouter } from "./routes.js";
import { keepMsOf } from "./script/script.js";
import { normalTarget } from "./target.js";

/** Emitted on the app when the server stops: event streams end, since they would never end by themselves. */
export const STOP_EVENT = "stop";

export interface AppOptions {
  readonly policy?: AccessPolicy;
  /** What `GET /events` takes. */
  readonly streams?: Partial<StreamBounds>;
  /** How long the ids of hits are remembered. */
  readonly idempotencyWindowMs?: number;
}

/** The application; it never listens. */
export function createApp(services: Services, logger: Logger, options: AppOptions = {}): Koa {
  const { policy = OPEN_POLICY, streams = {}, idempotencyWindowMs = 24 * 3_600_000 } = options;
  const app = new Koa();
  const admin = new Admin(policy.adminToken);
  const gate = new Gate(policy, admin);
  const single = new SingleHits(services, gate, logger);
  const bulk = new BulkHits(services, gate, logger);
  const views = new Views(services, gate, logger);
  const pictures = new Pictures(services, views, logger);
  const projections = () => publicProjections(services, admin);
  const events = new EventStreams(services, projections, logger, streams);
  const keepMs = keepMsOf(idempotencyWindowMs);
  const router = createRouter({ services, projections, admin, single, bulk, events, views, pictures, keepMs });
  app.on(STOP_EVENT, () => events.stop());
  app.on("error", (error: unknown, ctx?: Koa.Context) => {
    // A connection that broke while it was being written to: the client's doing, and nobody is left to tell.
    if (systemCode(error) === undefined)
      logger.error(
        { err: error, requestId: ctx === undefined ? undefined : knownRequestId(ctx.req) },
        "an answer could not be written",
      );
  });
  app.use(cors(policy));
  app.use(single.middleware());
  app.use(async (ctx, next) => {
    ctx.set("Cache-Control", "no-store");
    ctx.set("X-Content-Type-Options", "nosniff");
    ctx.req.url = normalTarget(ctx.req.url ?? "/");
    try {
      await next();
    } catch (error) {
      ctx.respond = false;
      sendError(ctx.res, error, logger);
    }
  });
  app.use(router.routes());
  // The router passes on what it has no route for; what it answered doesn't come here.
  app.use((ctx) => answerUnrouted(ctx as RouterContext, logger));
  return app;
}
