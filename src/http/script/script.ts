/**
 * `GET /hits.js`: the script that any page can include to count its views. `assets/hits.js` is its source, as browsers
 * run it, and documents what it promises; `GET /embed` (embed.ts) shows how to include it.
 */
import { gzipSync } from "node:zlib";
import type { Context } from "koa";
import { answersNotModified, assetText, entityTag, type TaggedAsset } from "../assets.js";

/** Removes comments, apart from the first line, and indents: only readers of the source need them. */
function minify(source: string): string {
  const lines = source.split("\n").map((line) => line.trim());
  const isCode = (line: string, i: number) => line !== "" && (i === 0 || !line.startsWith("//"));
  return `${lines.filter(isCode).join("\n")}\n`;
}

const source = minify(assetText(import.meta.url, "hits.js"));

export interface HitsScript extends TaggedAsset {
  /** The body, in less than 2 KiB. */
  readonly gzipped: Buffer;
}

/** Returns the script, which keeps unsent hits for `keepMs` at most. */
export function buildHitsScript(keepMs: number): HitsScript {
  const body = source.replace("KEEP_MS", String(keepMs));
  return {
    type: "text/javascript; charset=utf-8",
    body,
    gzipped: gzipSync(body, { level: 9 }),
    // Weak, since it stands for both forms of the body.
    etag: `W/${entityTag(body)}`,
  };
}

/** A hit must live long enough to be sent at all. */
const MIN_KEEP_MS = 60_000;

/**
 * Returns how long a browser may keep a hit that it could not send: somewhat less than the server remembers its id,
 * measured from the first try. A retry after that would count a hit again whose first answer was lost.
 */
export function keepMsOf(idempotencyWindowMs: number): number {
  return Math.max(MIN_KEEP_MS, Math.floor((idempotencyWindowMs * 23) / 24));
}

/**
 * Cached for an hour, so that a page still counts, into its outbox, while this server is away. Pages of any origin may
 * load it, also isolated ones (`Cross-Origin-Embedder-Policy`) and those that set `crossorigin`.
 */
export const hitsScriptHeaders = {
  "Access-Control-Allow-Origin": "*",
  "Cross-Origin-Resource-Policy": "cross-origin",
  "Cache-Control": "public, max-age=3600",
} as const;

/** Answers `GET /hits.js`. */
export function answerScript(ctx: Context, { type, etag, gzipped, body }: HitsScript): void {
  ctx.set(hitsScriptHeaders);
  ctx.vary("Accept-Encoding");
  if (answersNotModified(ctx, etag)) return;
  const isGzipped = ctx.acceptsEncodings("gzip", "identity") === "gzip";
  if (isGzipped) ctx.set("Content-Encoding", "gzip");
  ctx.set("Content-Type", type);
  ctx.body = isGzipped ? gzipped : body;
}
