import type { Context } from "koa";
import type { Services } from "../../model/services.js";
import type { ProjectionStatus } from "../../model/status.js";
import { knownCounter } from "../counters/known-counter.js";
import { passiveReason, type Views } from "../hits/views.js";
import { rawQueryValue } from "../target.js";
import { sendPage } from "../template.js";
import { PAGE_CSP, type PageView, renderPage } from "./page.js";

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
  sendPage(ctx, PAGE_CSP, renderPage({ ...currentState(services), refused, projections: projections() }));
}

function currentState(services: Services): Pick<PageView, "counter" | "count" | "pending" | "incomplete"> {
  const known = knownCounter(services, COUNTER);
  if (known === undefined) return { counter: COUNTER, count: null, pending: 0, incomplete: false };
  return { counter: COUNTER, count: known.count, pending: known.pending, incomplete: known.incomplete === true };
}
