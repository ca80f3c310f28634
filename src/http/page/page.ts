/**
 * `GET /`: one counter, very large, and whether MongoDB is up. Rendered here so that it works without JavaScript; kept
 * live by `assets/page.js`, which never counts anything. All references are relative, so the page works under a path
 * prefix.
 */
import type { Context } from "koa";
import type { Services } from "../../model/services.js";
import type { ProjectionStatus } from "../../model/status.js";
import { assetText, fillTemplate, pageParts, pagePolicy, sendPage } from "../assets.js";
import { counterOrUnknown } from "../counters/counters.js";
import { isUnknown } from "../hits/not-counted.js";
import { passiveReason, type Views } from "../hits/views.js";
import { rawQueryValue } from "../query.js";
import { type Described, describe } from "./assets/page.js";

const COUNTER = "home";

export const PAGE_CSP = pagePolicy("connect-src 'self'");

/** The files that the page refers to, by name relative to the page. */
export const pageAssets = pageParts(import.meta.url, "page");

const template = assetText(import.meta.url, "page.html");

export interface PageView extends Described {
  /** The reason why this view was not counted, or may not have been. */
  readonly refused: { readonly code: string; readonly detail: string } | undefined;
}

/** The sources of the page. */
interface PageParts {
  readonly services: Services;
  readonly views: Views;
  readonly projections: () => readonly ProjectionStatus[];
}

/** Answers `GET /`: counts a hit of `home` if the request is a view, and sends the page whether or not it was counted. */
export async function answerHome(ctx: Context, { services, views, projections }: PageParts): Promise<void> {
  const reason = rawQueryValue(ctx.querystring, "peek") === undefined ? passiveReason(ctx) : "PEEK";
  const view = await views.count(ctx, () => ({ counter: COUNTER, n: 1 }), reason);
  const refused = view.state === "refused" ? view.problem : undefined;
  const page = { ...counterOrUnknown(services, COUNTER), refused, projections: projections() };
  sendPage(ctx, PAGE_CSP, renderPage(page));
}

/** Returns the page as complete HTML. All of `view` is inserted as text; times are in UTC until the script sets them. */
export function renderPage(view: PageView): string {
  const now = Date.now();
  const words = describe(view, now, "UTC");
  const values = {
    title: words.title,
    number: words.number,
    digits: words.digits,
    unit: words.unit,
    counter: view.counter,
    state: words.state,
    lead: words.lead,
    rest: words.rest,
    detail: words.detail,
    refused: refusal(view.refused),
    refusedCode: view.refused?.code ?? "",
    unknown: words.unknown,
    incomplete: words.incomplete,
    gap: words.gap,
    gapX: -words.gap,
    strokes: words.strokes,
    strokesX: -words.strokes,
    events: `events?counter=${encodeURIComponent(view.counter)}`,
    hits: `hits/${encodeURIComponent(view.counter)}`,
    now: new Date(now).toISOString(),
  };
  return fillTemplate(template, values);
}

function refusal(refused: PageView["refused"]): string {
  if (refused === undefined) return "";
  const { code, detail } = refused;
  return `${isUnknown(code) ? "It is unknown whether this view was counted" : "This view was not counted"}: ${detail}`;
}
