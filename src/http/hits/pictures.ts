import type { Context } from "koa";
import type { CounterState } from "../../model/counters.js";
import type { Hit } from "../../model/hit.js";
import type { Logger, Services } from "../../model/services.js";
import { counterInPath } from "../counter-name.js";
import { counterOrUnknown } from "../counters/counters.js";
import { type Problem, problemOf } from "../problem.js";
import { REQUEST_ID_HEADER } from "../request-id.js";
import { DEFAULT_LOOK, drawBadge, parseBadgeLook } from "./badge.js";
import { readId, readNumber } from "./hit-query.js";
import type { View, Views } from "./views.js";

/** A transparent GIF of one pixel. */
const PIXEL = Buffer.from("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==", "base64");

/**
 * Keep browsers and image proxies, each of which respects some of these only, from caching; without a tag to revalidate
 * by. Any page may show pictures, also an isolated one.
 */
const HEADERS = {
  "Cache-Control": "no-store, no-cache, max-age=0, must-revalidate, private",
  Expires: "Thu, 01 Jan 1970 00:00:00 GMT",
  Pragma: "no-cache",
  "Cross-Origin-Resource-Policy": "cross-origin",
};

/** A badge can be opened as a page: it contains styles but no script, and none may run. */
const SVG_CSP = "default-src 'none'; style-src 'unsafe-inline'";

/** Has the error's code, since a picture has no body for it. */
const CODE_HEADER = "Error-Code";

/**
 * Pictures that count, `/hits/:counter/pixel.gif` and `/hits/:counter/badge.svg`, and one that only shows,
 * `/counters/:counter/badge.svg`. The answer is always a picture; after an error, with the error's status.
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

  /** Counts a hit, and answers with a transparent pixel. */
  async pixel(ctx: Context): Promise<void> {
    const view = await this.#count(ctx, () => hitIn(ctx));
    sendPicture(ctx, { type: "image/gif", body: PIXEL, problem: problemIn(view) });
  }

  /** Counts a hit, and answers with a badge with the count, this hit included. */
  async countingBadge(ctx: Context): Promise<void> {
    const view = await this.#count(ctx, () => {
      parseBadgeLook(ctx.querystring);
      return hitIn(ctx);
    });
    const problem = problemIn(view);
    if (problem !== undefined && isClientsFault(problem)) await this.#sendBadgeOf(ctx, problem);
    // The badge shows the count even if the hit was refused, and "n/a" if the count is unknown although the hit is safe.
    else {
      const counter = counterOrUnknown(this.#services, counterIn(ctx));
      await this.#sendBadge(ctx, counter.count === null ? "n/a" : inNumbers(counter), problem);
    }
  }

  /** Answers with a badge with the count. */
  async badge(ctx: Context): Promise<void> {
    try {
      await this.#sendBadge(ctx, inNumbers(this.#services.view.counter(counterIn(ctx))), undefined);
    } catch (error) {
      await this.#sendBadgeOf(ctx, problemOf(error, { logger: this.#logger, request: ctx.req }));
    }
  }

  async #count(ctx: Context, hit: () => Hit): Promise<View> {
    const view = await this.#views.count(ctx, hit);
    if (view.state === "counted" && view.replayed) ctx.set("Idempotent-Replayed", "true");
    return view;
  }

  async #sendBadge(ctx: Context, message: string, problem: Problem | undefined): Promise<void> {
    sendSvg(ctx, await drawBadge(parseBadgeLook(ctx.querystring), message), problem);
  }

  /** Answers with a badge of the error's code, for the developer of the page; it shows nothing from the request. */
  async #sendBadgeOf(ctx: Context, problem: Problem): Promise<void> {
    sendSvg(ctx, await drawBadge({ ...DEFAULT_LOOK, color: "red" }, problem.code), problem);
  }
}

/** Returns the count for people, with a `+` if damage in the log may have lost hits. */
function inNumbers({ count, incomplete }: CounterState): string {
  return `${count.toLocaleString("en-US")}${incomplete === true ? "+" : ""}`;
}

/** Returns the counter in `/hits/NAME/…` or `/counters/NAME/…`. Throws `INVALID_COUNTER`. */
function counterIn(ctx: Context): string {
  return counterInPath(ctx.path.split("/")[2] ?? "");
}

function hitIn(ctx: Context): Hit {
  const counter = counterIn(ctx);
  const n = readNumber(ctx.querystring);
  const id = readId(ctx.req, ctx.querystring);
  return { counter, n, ...(id === undefined ? undefined : { id }) };
}

function problemIn(view: View): Problem | undefined {
  return view.state === "refused" ? view.problem : undefined;
}

/** Returns true if the developer of the page has to fix something, and trying again would not help. */
function isClientsFault({ status }: Problem): boolean {
  return status < 500 && status !== 429;
}

function sendSvg(ctx: Context, svg: string, problem: Problem | undefined): void {
  ctx.set("Content-Security-Policy", SVG_CSP);
  sendPicture(ctx, { type: "image/svg+xml; charset=utf-8", body: svg, problem });
}

interface Picture {
  readonly type: string;
  readonly body: string | Buffer;
  readonly problem: Problem | undefined;
}

function sendPicture(ctx: Context, { type, body, problem }: Picture): void {
  ctx.status = problem?.status ?? 200;
  ctx.set(HEADERS);
  ctx.set("Content-Type", type);
  if (problem !== undefined) ctx.set({ [CODE_HEADER]: problem.code, [REQUEST_ID_HEADER]: problem.requestId });
  if (problem?.retryAfter !== undefined) ctx.set("Retry-After", String(problem.retryAfter));
  ctx.body = body;
}
