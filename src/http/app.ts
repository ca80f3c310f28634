/**
 * The way in to src/http. `createApp` builds the Koa application, server.ts gives it a socket. A request meets, in
 * this order: single hits (single.ts, ahead of all else for speed), headers and errors (here), the routes (routes.ts).
 * Whatever is thrown on the way becomes an answer in problem.ts; answer.ts writes it.
 */
import type { RouterContext } from "@koa/router";
import Koa from "koa";
import { systemCode } from "../errors.js";
import { sendError } from "./answer.js";
import { BulkHits } from "./bulk.js";
import { EventStreams, type StreamBounds } from "./events.js";
import type { Logger } from "./logger.js";
import { answerUnrouted, createRouter } from "./routes.js";
import type { Services } from "./services.js";
import { SingleHits } from "./single.js";
import { normalTarget } from "./target.js";

/** Emitted on the app when the server stops: event streams end, since they would never end by themselves. */
export const STOP_EVENT = "stop";

/** The application; it never listens. `streams` bounds what `GET /events` takes. */
export function createApp(services: Services, logger: Logger, streams: Partial<StreamBounds> = {}): Koa {
  const app = new Koa();
  const single = new SingleHits(services, logger);
  const bulk = new BulkHits(services, logger);
  const events = new EventStreams(services, logger, streams);
  const router = createRouter({ services, logger, single, bulk, events });
  app.on(STOP_EVENT, () => events.stop());
  app.on("error", (error: unknown) => {
    // A connection that broke while it was being written to: the client's doing, and nobody is left to tell.
    if (systemCode(error) === undefined) logger.error({ err: error }, "an answer could not be written");
  });
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
