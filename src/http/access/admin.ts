import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { HitsError } from "../../errors.js";
import type { Services } from "../../model/services.js";
import type { ProjectionStatus } from "../../model/status.js";

/** Access to what is the operator's: with `ADMIN_TOKEN` as a bearer token, if it is set; else open to everybody. */
export class Admin {
  readonly #digest: Buffer | undefined;

  constructor(token: string | undefined) {
    this.#digest = token === undefined ? undefined : digestOf(token);
  }

  /** True if operator routes need the token. */
  get isSet(): boolean {
    return this.#digest !== undefined;
  }

  /** Throws `UNAUTHORIZED` for a request without the token, if one is set. */
  require(req: IncomingMessage, res: ServerResponse): void {
    if (this.#digest === undefined || this.isBearer(req)) return;
    res.setHeader("WWW-Authenticate", 'Bearer realm="durable-hits"');
    const problem =
      req.headers.authorization === undefined
        ? "authentication required"
        : "the Authorization header has no valid token";
    throw new HitsError("UNAUTHORIZED", `${problem}: send ADMIN_TOKEN as a bearer token`);
  }

  /** Returns true if the request has the token; false if none is set. */
  isBearer(req: IncomingMessage): boolean {
    if (this.#digest === undefined) return false;
    const token = /^bearer +(\S+) *$/i.exec(req.headers.authorization ?? "")?.[1];
    // Digests are compared, so that neither the time nor the length reveals anything about the token.
    return token !== undefined && timingSafeEqual(digestOf(token), this.#digest);
  }
}

/** Returns the projections as everybody may see them: errors can name hosts, which only the operator may see. */
export function publicProjections(services: Services, admin: Admin): readonly ProjectionStatus[] {
  const { projections } = services.status.read();
  return admin.isSet ? projections.map((one) => ({ ...one, lastError: null })) : projections;
}

function digestOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
