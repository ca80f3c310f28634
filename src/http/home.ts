import type { Context } from "koa";
import { HitsError } from "../errors.js";
import { PAGE_CSP, type PageView, renderPage } from "./page/page.js";
import type { ProjectionStatus, Services } from "./services.js";
import { rawQueryValue } from "./target.js";
import { passiveReason, type Views } from "./views.js";

const COUNTER = "home";

/** `GET /`: counts a hit of `home` where somebody really looks, and shows the page whether that went well or not. */
export async function answerHome(
  ctx: Context,
  services: Services,
  views: Views,
  projections: () => readonly ProjectionStatus[],
): Promise<void> {
  const reason = rawQueryValue(ctx.querystring, "peek") === undefined ? passiveReason(ctx) : "PEEK";
  const view = await views.count(ctx, () => ({ counter: COUNTER, n: 1 }), reason);
  const refused = view.state === "refused" ? view.problem : undefined;
  ctx.set("Content-Security-Policy", PAGE_CSP);
  ctx.set("Referrer-Policy", "no-referrer");
  ctx.set("Content-Type", "text/html; charset=utf-8");
  ctx.body = renderPage({ ...currentState(services), refused, projections: projections() });
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
