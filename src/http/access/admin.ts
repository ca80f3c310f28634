import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { HitsError } from "../../errors.js";
import type { Services } from "../../model/services.js";
import type { ProjectionStatus } from "../../model/status.js";

/** What is for the operator only, where `ADMIN_TOKEN` is set: its bearer is let in. */
export class Admin {
  readonly #digest: Buffer | undefined;

  constructor(token: string | undefined) {
    this.#digest = token === undefined ? undefined : digestOf(token);
  }

  /** Whether some things are not for everybody. */
  get isSet(): boolean {
    return this.#digest !== undefined;
  }

  /** Throws `UNAUTHORIZED` for a request without the token, where there is one. */
  require(req: IncomingMessage, res: ServerResponse): void {
    if (this.#digest === undefined || this.isBearer(req)) return;
    res.setHeader("WWW-Authenticate", 'Bearer realm="durable-hits"');
    const given = req.headers.authorization !== undefined;
    throw new HitsError(
      "UNAUTHORIZED",
      `this is for whoever has ADMIN_TOKEN: ${given ? "the Authorization header is not" : "send"} Authorization: Bearer TOKEN`,
    );
  }

  /** Whether the request has the token; never where there is none. */
  isBearer(req: IncomingMessage): boolean {
    if (this.#digest === undefined) return false;
    const token = /^bearer +(\S+) *$/i.exec(req.headers.authorization ?? "")?.[1];
    // Of digests, so that neither the time nor the length tells anything of the token.
    return token !== undefined && timingSafeEqual(digestOf(token), this.#digest);
  }
}

/** The projections as everybody may see them: an error can name hosts, which are the operator's business. */
export function publicProjections(services: Services, admin: Admin): readonly ProjectionStatus[] {
  const { projections } = services.status.read();
  return admin.isSet ? projections.map((one) => ({ ...one, lastError: null })) : projections;
}

function digestOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
