/**
 * `GET /embed`: the page that shows what to paste into a page of one's own. Rendered here so that it works without
 * JavaScript; `assets/embed.js` puts in this server's address and the counter that the reader names. All references
 * are relative, so it works under a path prefix; it needs `page.css` (page/page.ts) beside its own assets.
 */
import { assetText, fillTemplate, pageParts } from "../template.js";
import { snippets } from "./assets/embed.js";

/** Everything the page loads is its own; it talks to nobody, and nothing may frame it. */
export const EMBED_CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** What the page refers to beside `page.css`, by its name relative to the page. */
export const embedAssets = pageParts(import.meta.url, "embed");

// The same for everybody: this server's address is what the reader's browser knows better.
const page = fillTemplate(assetText(import.meta.url, "embed.html"), snippets("…/", "/blog/post"));

/** The page as complete HTML, with "…" in place of this server's address. */
export function renderEmbed(): string {
  return page;
}
