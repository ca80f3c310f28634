import { createHash } from "node:crypto";
import { JSON_TYPE } from "../answer.js";
import { openApiDocument } from "./document.js";

/** Something served as it stands, with a tag to ask for it by again. */
export interface Tagged {
  /** The full Content-Type. */
  readonly type: string;
  readonly body: string;
  /** Quoted. */
  readonly etag: string;
}

let served: Tagged | undefined;

/** What `GET /openapi.json` answers with: put together once, at the first call. */
export function servedOpenApi(): Tagged {
  if (served === undefined) {
    const body = `${JSON.stringify(openApiDocument(), undefined, 1)}\n`;
    const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
    served = { type: JSON_TYPE, body, etag };
  }
  return served;
}
