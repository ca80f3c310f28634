/** What the pages are made of: files in `assets/` beside the module that serves them, and templates among these. */
import { readFileSync } from "node:fs";
import type { Context } from "koa";

/** A file that is served as it stands. `type` is the full Content-Type. */
export interface Asset {
  readonly type: string;
  readonly body: string;
}

/** The text of a file in `assets/`. `module` is the `import.meta.url` of the module beside it. */
export function assetText(module: string, file: string): string {
  return readFileSync(new URL(`assets/${file}`, module), "utf8");
}

/**
 * The policy of a page: all that it loads is its own, and nothing may frame it; style attributes and inline scripts are not
 * allowed. `more` is what else a page may do.
 */
export function pagePolicy(...more: readonly string[]): string {
  const loads = ["default-src 'none'", "script-src 'self'", "style-src 'self'", ...more, "img-src 'self' data:"];
  return [...loads, "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"].join("; ");
}

/** Answers with a page. */
export function sendPage(ctx: Context, policy: string, html: string): void {
  ctx.set("Content-Security-Policy", policy);
  ctx.set("Referrer-Policy", "no-referrer");
  ctx.set("Content-Type", "text/html; charset=utf-8");
  ctx.body = html;
}

const TYPES = { css: "text/css; charset=utf-8", js: "text/javascript; charset=utf-8" };

/**
 * The style sheet and the module of a page, by their names relative to the page: `NAME.css` and `NAME.js`. `modules` are
 * those that this module imports, without their `.js`.
 */
export function pageParts(module: string, name: string, ...modules: readonly string[]): ReadonlyMap<string, Asset> {
  const part = (base: string, end: keyof typeof TYPES) =>
    [`${base}.${end}`, { type: TYPES[end], body: assetText(module, `${base}.${end}`) }] as const;
  return new Map([part(name, "css"), part(name, "js"), ...modules.map((base) => part(base, "js"))]);
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Puts a value, as text, in place of each `{{NAME}}` of a template. */
export function fillTemplate(template: string, values: Readonly<Record<string, string | number>>): string {
  // One pass: a value that holds {{…}} itself is not filled in again.
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`a template asks for "${name}", for which there is no value`);
    return String(value).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
  });
}
