import type { Context } from "koa";
import type { CounterState } from "../../model/counters.js";
import type { Hit } from "../../model/hit.js";
import type { Logger } from "../../model/logger.js";
import type { Services } from "../../model/services.js";
import { counterInPath } from "../counters/counter-name.js";
import { knownCounter } from "../counters/known-counter.js";
import { type Problem, problemOf } from "../problem.js";
import { REQUEST_ID_HEADER } from "../request-id.js";
import { badge, badgeLook, DEFAULT_LOOK } from "./badge.js";
import { idOf, numberIn } from "./hit-query.js";
import type { View, Views } from "./views.js";

/** A transparent GIF of one pixel. */
const PIXEL = Buffer.from("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==", "base64");

/**
 * Against browsers, and against image proxies, which each heed some of these only; nothing to validate a copy by.
 * Any page may show them, also one that is isolated.
 */
const HEADERS = {
  "Cache-Control": "no-store, no-cache, max-age=0, must-revalidate, private",
  Expires: "Thu, 01 Jan 1970 00:00:00 GMT",
  Pragma: "no-cache",
  "Cross-Origin-Resource-Policy": "cross-origin",
};

/** Somebody may open a badge as a page of its own: it holds no script, and none may run. Its style is in it. */
const SVG_CSP = "default-src 'none'; style-src 'unsafe-inline'";

/** Why a picture is not what was asked for; pictures have no body to say it in. */
const CODE_HEADER = "Error-Code";

/**
 * Pictures that count, `/hits/:counter/pixel.gif` and `/hits/:counter/badge.svg`, and one that only shows,
 * `/counters/:counter/badge.svg`. Each always answers with a picture, if need be with the status of an error.
 */
export class Pictures {
  readonly #services: Services;
  readonly #views: Views;
  readonly #logger: Logger;

  constructor(services: Services, views: Views, logger: Logger) {
    this.#services = services;
    this.#views = views;
    this.#logger = logger;
  }

  async pixel(ctx: Context): Promise<void> {
    const view = await this.#count(ctx, () => hitIn(ctx));
    sendPicture(ctx, "image/gif", PIXEL, problemIn(view));
  }

  /** The badge with the count, this hit included. */
  async countingBadge(ctx: Context): Promise<void> {
    const view = await this.#count(ctx, () => {
      badgeLook(ctx.querystring);
      return hitIn(ctx);
    });
    const problem = problemIn(view);
    if (problem !== undefined && isClientsFault(problem)) await this.#sendBadgeOf(ctx, problem);
    // The hit, where there was one, is safe: a count that is unknown, or a refusal, makes the picture no worse.
    else await this.#sendBadge(ctx, this.#numberOr("n/a", ctx), problem);
  }

  async badge(ctx: Context): Promise<void> {
    try {
      await this.#sendBadge(ctx, inNumbers(this.#services.view.counter(counterIn(ctx))), undefined);
    } catch (error) {
      await this.#sendBadgeOf(ctx, problemOf(error, this.#logger, ctx.req));
    }
  }

  async #count(ctx: Context, hit: () => Hit): Promise<View> {
    const view = await this.#views.count(ctx, hit);
    if (view.state === "counted" && view.replayed) ctx.set("Idempotent-Replayed", "true");
    return view;
  }

  #numberOr(unknown: string, ctx: Context): string {
    const counter = knownCounter(this.#services, counterIn(ctx));
    return counter === undefined ? unknown : inNumbers(counter);
  }

  async #sendBadge(ctx: Context, message: string, problem: Problem | undefined): Promise<void> {
    sendSvg(ctx, await badge(badgeLook(ctx.querystring), message), problem);
  }

  /** What a developer should see who put the badge in: nothing of the request's own is taken over. */
  async #sendBadgeOf(ctx: Context, problem: Problem): Promise<void> {
    sendSvg(ctx, await badge({ ...DEFAULT_LOOK, color: "red" }, problem.code), problem);
  }
}

/** The counter's count as people write it, with a `+` where damage in the log may have taken some. */
function inNumbers({ count, incomplete }: CounterState): string {
  return `${count.toLocaleString("en-US")}${incomplete === true ? "+" : ""}`;
}

/** The counter that `/hits/NAME/…` or `/counters/NAME/…` names. Throws `INVALID_COUNTER`. */
function counterIn(ctx: Context): string {
  return counterInPath(ctx.path.split("/")[2] ?? "");
}

function hitIn(ctx: Context): Hit {
  const counter = counterIn(ctx);
  const n = numberIn(ctx.querystring);
  const id = idOf(ctx.req, ctx.querystring);
  return { counter, n, ...(id === undefined ? undefined : { id }) };
}

function problemIn(view: View): Problem | undefined {
  return view.state === "refused" ? view.problem : undefined;
}

/** Whether the one who put the picture in has to mend something, rather than a later try will do. */
function isClientsFault({ status }: Problem): boolean {
  return status < 500 && status !== 429;
}

function sendSvg(ctx: Context, svg: string, problem: Problem | undefined): void {
  ctx.set("Content-Security-Policy", SVG_CSP);
  sendPicture(ctx, "image/svg+xml; charset=utf-8", svg, problem);
}

function sendPicture(ctx: Context, type: string, body: string | Buffer, problem: Problem | undefined): void {
  ctx.status = problem?.status ?? 200;
  ctx.set(HEADERS);
  ctx.set("Content-Type", type);
  if (problem !== undefined) ctx.set({ [CODE_HEADER]: problem.code, [REQUEST_ID_HEADER]: problem.requestId });
  if (problem?.retryAfter !== undefined) ctx.set("Retry-After", String(problem.retryAfter));
  ctx.body = body;
}
