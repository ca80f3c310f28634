/**
 * `GET /openapi.json`: the API as OpenAPI 3.1, written by hand in openapi.json beside this module. A new route needs its
 * operation there, a new error code its place among the operation's responses: tests hold every route, every answer and
 * the parsing of queries and hits against the document.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { readPackageJson } from "../../host/package-json.js";
import { JSON_TYPE } from "../answer.js";

/** Text served unchanged, with an entity tag to revalidate it by. */
export interface Tagged {
  /** The full Content-Type. */
  readonly type: string;
  readonly body: string;
  /** Quoted. */
  readonly etag: string;
}

/** The document, with the version of this package. */
export function openApiDocument(): object {
  const text = readFileSync(new URL("openapi.json", import.meta.url), "utf8");
  const document = JSON.parse(text) as { readonly info: object };
  return { ...document, info: { ...document.info, version: readPackageJson().version } };
}

let served: Tagged | undefined;

/** What `GET /openapi.json` answers with; read at the first call. */
export function servedOpenApi(): Tagged {
  if (served === undefined) {
    const body = `${JSON.stringify(openApiDocument(), undefined, 1)}\n`;
    const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
    served = { type: JSON_TYPE, body, etag };
  }
  return served;
}
