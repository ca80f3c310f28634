/**
 * `GET /hits.js`: the script that any page can carry to count its views. What it promises and how is in
 * `assets/hits.js`, the source as browsers run it; `GET /embed` (embed.ts) shows how to put it in.
 */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { assetText } from "../template.js";

/** Without what only readers of the source need: its comments, apart from the first line, and its indents. */
function served(source: string): string {
  const lines = source.split("\n").map((line) => line.trim());
  const isCode = (line: string, i: number) => line !== "" && (i === 0 || !line.startsWith("//"));
  return `${lines.filter(isCode).join("\n")}\n`;
}

const source = served(assetText(import.meta.url, "hits.js"));

export interface HitsScript {
  /** The full Content-Type. */
  readonly type: string;
  readonly body: string;
  /** The same: less than 2 KiB. */
  readonly gzipped: Buffer;
  /** Quoted, and weak, since it stands for both forms of the body. */
  readonly etag: string;
}

/** What `GET /hits.js` answers with, where unsent hits are to be kept for `keepMs` at most. */
export function hitsScript(keepMs: number): HitsScript {
  const body = source.replace("KEEP_MS", String(keepMs));
  return {
    type: "text/javascript; charset=utf-8",
    body,
    gzipped: gzipSync(body, { level: 9 }),
    etag: `W/"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`,
  };
}

/** A hit must live long enough to be sent at all. */
const MIN_KEEP_MS = 60_000;

/**
 * How long a browser may keep a hit that it could not send: somewhat less than its id is remembered here, counted from
 * the first try. After that, a try that did count and whose answer was lost would count again.
 */
export function keepMsOf(idempotencyWindowMs: number): number {
  return Math.max(MIN_KEEP_MS, Math.floor((idempotencyWindowMs * 23) / 24));
}

/**
 * Headers of that answer. In place of `no-store`, an hour: so a page still counts, into its outbox, while this server is
 * away. Pages of any origin may load it, also those that are isolated (`Cross-Origin-Embedder-Policy`) or give
 * `crossorigin`.
 */
export const hitsScriptHeaders = {
  "Access-Control-Allow-Origin": "*",
  "Cross-Origin-Resource-Policy": "cross-origin",
  "Cache-Control": "public, max-age=3600",
} as const;
