/**
 * `GET /embed`: the page that shows what to paste into a page of one's own. Rendered here so that it works without
 * JavaScript; `assets/embed.js` puts in this server's address and the counter that the reader names. All references
 * are relative, so it works under a path prefix; it needs `page.css` (page/page.ts) beside its own assets.
 */
import { readFileSync } from "node:fs";
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

function asset(file: string): string {
  return readFileSync(new URL(`assets/${file}`, import.meta.url), "utf8");
}

/** What the page refers to beside `page.css`, by its name relative to the page. `type` is the full Content-Type. */
export const embedAssets: ReadonlyMap<string, { readonly type: string; readonly body: string }> = new Map([
  ["embed.css", { type: "text/css; charset=utf-8", body: asset("embed.css") }],
  ["embed.js", { type: "text/javascript; charset=utf-8", body: asset("embed.js") }],
]);

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

// The same for everybody: this server's address is what the reader's browser knows better.
const page = asset("embed.html").replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
  const value = { ...snippets("…/", "/blog/post") }[name];
  if (value === undefined) throw new Error(`embed.html asks for "${name}", which embed.js does not know`);
  return value.replace(/[&<>"]/g, (character) => ENTITIES[character] ?? character);
});

/** The page as complete HTML, with "…" in place of this server's address. */
export function renderEmbed(): string {
  return page;
}
