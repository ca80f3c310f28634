/**
 * The page of the talk: one counter, very large, and whether MongoDB is up. Rendered here so that it works without
 * JavaScript; kept live by `assets/page.js`, which never counts anything. All references are relative, so the page
 * works under a path prefix.
 */

import type { ProjectionStatus } from "../../model/status.js";
import { isUnknown } from "../hits/not-counted.js";
import { assetText, fillTemplate, pageParts, pagePolicy } from "../template.js";
import { describe } from "./assets/page.js";

export interface PageView {
  counter: string;
  /** Null while the total is unknown. */
  count: number | null;
  pending: number;
  /** Damage was found in the log: the true count may be higher. */
  incomplete: boolean;
  /** Why this view was not counted, or may not have been. */
  refused: { code: string; detail: string } | undefined;
  projections: readonly ProjectionStatus[];
}

export const PAGE_CSP = pagePolicy("connect-src 'self'");

/** What the page refers to, by its name relative to the page. */
export const pageAssets = pageParts(import.meta.url, "page");

const template = assetText(import.meta.url, "page.html");

/** The page as complete HTML. Whatever is in `view` comes out as text; times are in UTC until the script sets them. */
export function renderPage(view: PageView): string {
  const now = Date.now();
  const says = describe(view, now, "UTC");
  const values = {
    title: says.title,
    number: says.number,
    digits: says.digits,
    unit: says.unit,
    counter: view.counter,
    state: says.state,
    lead: says.lead,
    rest: says.rest,
    detail: says.detail,
    refused: refusal(view.refused),
    refusedCode: view.refused?.code ?? "",
    unknown: says.unknown,
    incomplete: says.incomplete,
    gap: says.gap,
    gapX: -says.gap,
    strokes: says.strokes,
    strokesX: -says.strokes,
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
