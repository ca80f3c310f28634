/**
 * `GET /embed`: the page that shows what to paste into one's own pages. Rendered here so that it works without
 * JavaScript; `assets/embed.js` fills in this server's address and the counter that the reader names. All references
 * are relative, so the page works under a path prefix; it needs `page.css` (page/page.ts) in addition to its own assets.
 */
import { assetText, fillTemplate, pageParts, pagePolicy } from "../assets.js";
import { snippets } from "./assets/embed.js";

/** The page connects to nothing. */
export const EMBED_CSP = pagePolicy();

/** The files that the page refers to, apart from `page.css`, by name relative to the page. */
export const embedAssets = pageParts(import.meta.url, "embed");

const template = assetText(import.meta.url, "embed.html");

/**
 * Returns the page as complete HTML, the same for everybody: it has "…" in place of this server's address, which the
 * reader's browser fills in. `keepMs` is how long hits.js keeps what it could not send.
 */
export function renderEmbed(keepMs: number): string {
  return fillTemplate(template, { ...snippets("…/", "/blog/post"), keep: inWords(keepMs) });
}

function inWords(ms: number): string {
  const minutes = ms / 60_000;
  if (minutes >= 2880) return `${Math.ceil(minutes / 1440)} days`;
  return minutes >= 120 ? `${Math.ceil(minutes / 60)} hours` : `${Math.ceil(minutes)} minutes`;
}
