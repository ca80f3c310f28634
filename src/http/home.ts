import type { Context } from "koa";
import { HitsError } from "../errors.js";
import type { Logger } from "./logger.js";
import { PAGE_CSP, type PageView, renderPage } from "./page/page.js";
import { problemOf } from "./problem.js";
import type { ProjectionStatus, Services } from "./services.js";
import { rawQueryValue } from "./target.js";

const COUNTER = "home";

/** `GET /`: counts a hit of `home` where somebody really looks, and shows the page whether that went well or not. */
export async function answerHome(
  ctx: Context,
  services: Services,
  projections: () => readonly ProjectionStatus[],
  logger: Logger,
): Promise<void> {
  let refused: PageView["refused"];
  if (countsAsView(ctx)) {
    try {
      await services.record({ counter: COUNTER, n: 1 });
    } catch (error) {
      const { code, detail } = problemOf(error, logger);
      refused = { code, detail };
      services.noteRejected(code, 1);
    }
  }
  ctx.set("Content-Security-Policy", PAGE_CSP);
  ctx.set("Referrer-Policy", "no-referrer");
  ctx.set("Content-Type", "text/html; charset=utf-8");
  ctx.body = renderPage({ ...currentState(services), refused, projections: projections() });
}

function countsAsView(ctx: Context): boolean {
  return ctx.method === "GET" && !isPrefetch(ctx) && !hasKey(ctx.querystring, "peek");
}

/** The page fetched by a browser on the chance that somebody will look: the standard's header, and older ones. */
function isPrefetch(ctx: Context): boolean {
  return ["Sec-Purpose", "Purpose", "X-Moz"].some((header) => ctx.get(header).toLowerCase().includes("prefetch"));
}

function hasKey(query: string, key: string): boolean {
  return rawQueryValue(query, key) !== undefined;
}

function currentState(services: Services): Pick<PageView, "counter" | "count" | "pending" | "incomplete"> {
  try {
    const { count, pending, incomplete } = services.counter(COUNTER);
    return { counter: COUNTER, count, pending, incomplete: incomplete === true };
  } catch (error) {
    if (!(error instanceof HitsError) || error.code !== "PROJECTION_HALTED") throw error;
    return { counter: COUNTER, count: null, pending: 0, incomplete: false };
  }
}
