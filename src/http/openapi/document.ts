/**
 * `GET /openapi.json`: the API as OpenAPI 3.1, written by hand in openapi.json next to this module. A new route needs its
 * operation there, a new error code its place among the operation's responses. Tests hold every route, every answer, and
 * the parsing of queries and hits against the document.
 */
import { readFileSync } from "node:fs";
import { readPackageJson } from "../../host/package-json.js";
import { JSON_TYPE } from "../answer.js";
import { entityTag, type TaggedAsset } from "../assets.js";

/** Returns the document, with the version of this package. */
export function openApiDocument(): object {
  const text = readFileSync(new URL("openapi.json", import.meta.url), "utf8");
  const document = JSON.parse(text) as { readonly info: object };
  return { ...document, info: { ...document.info, version: readPackageJson().version } };
}

let served: TaggedAsset | undefined;

/** Returns the document as it is served; read at the first call, so that a start need not wait for it. */
export function readServedOpenApi(): TaggedAsset {
  if (served === undefined) {
    const body = `${JSON.stringify(openApiDocument(), undefined, 1)}\n`;
    served = { type: JSON_TYPE, body, etag: entityTag(body) };
  }
  return served;
}
