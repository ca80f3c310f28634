/** The pages' files, in `assets/` next to the module that serves them, and the templates among them. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Context } from "koa";

/** A file served unchanged. */
export interface Asset {
  /** The full Content-Type. */
  readonly type: string;
  readonly body: string;
}

/** An asset that browsers keep and revalidate. */
export interface TaggedAsset extends Asset {
  /** Quoted. */
  readonly etag: string;
}

/** Returns the text of a file in `assets/`. `module` is the `import.meta.url` of the module next to it. */
export function assetText(module: string, file: string): string {
  return readFileSync(new URL(`assets/${file}`, module), "utf8");
}

/** Returns an entity tag of a body, quoted. */
export function entityTag(body: string): string {
  return `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
}

/** Puts an entity tag on an answer. Returns true, with the answer set to 304, if the client's copy is current. */
export function answersNotModified(ctx: Context, etag: string): boolean {
  ctx.set("ETag", etag);
  ctx.status = 200;
  if (!ctx.fresh) return false;
  ctx.status = 304;
  return true;
}

/**
 * Returns the Content-Security-Policy of a page: it loads nothing but its own files, nothing may frame it, and inline
 * scripts and style attributes are blocked. `more` are directives in addition.
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
 * Returns the style sheet and the module of a page, `NAME.css` and `NAME.js`, by name relative to the page. `modules` are
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

/** Fills in each `{{NAME}}` of a template with a value, as text. */
export function fillTemplate(template: string, values: Readonly<Record<string, string | number>>): string {
  // In one pass: a value that contains {{…}} is not filled in again.
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`no value for {{${name}}} of a template`);
    return String(value).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
  });
}
