/**
 * `GET /embed`: the page that shows what to paste into a page of one's own. Rendered here so that it works without
 * JavaScript; `assets/embed.js` puts in this server's address and the counter that the reader names. All references
 * are relative, so it works under a path prefix; it needs `page.css` (page/page.ts) beside its own assets.
 */
import { assetText, fillTemplate, pageParts, pagePolicy } from "../template.js";
import { snippets } from "./assets/embed.js";

/** It talks to nobody. */
export const EMBED_CSP = pagePolicy();

/** What the page refers to beside `page.css`, by its name relative to the page. */
export const embedAssets = pageParts(import.meta.url, "embed");

const template = assetText(import.meta.url, "embed.html");

/**
 * The page as complete HTML, the same for everybody: with "…" in place of this server's address, which the reader's
 * browser knows better. `keepMs` is how long hits.js keeps what it could not send.
 */
export function renderEmbed(keepMs: number): string {
  return fillTemplate(template, { ...snippets("…/", "/blog/post"), keep: inWords(keepMs) });
}

function inWords(ms: number): string {
  const minutes = ms / 60_000;
  if (minutes >= 2880) return `${Math.ceil(minutes / 1440)} days`;
  return minutes >= 120 ? `${Math.ceil(minutes / 60)} hours` : `${Math.ceil(minutes)} minutes`;
}
