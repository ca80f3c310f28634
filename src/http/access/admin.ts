import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { HitsError } from "../../errors.js";
import type { Services } from "../../model/services.js";
import type { ProjectionStatus } from "../../model/status.js";
import { MAX_WRONG_TOKENS, type WrongTokens } from "./wrong-tokens.js";

/** Access to what is the operator's: with `ADMIN_TOKEN` as a bearer token, if it is set; else open to everybody. */
export class Admin {
  readonly #digest: Buffer | undefined;
  readonly #wrong: WrongTokens;

  constructor(token: string | undefined, wrong: WrongTokens) {
    this.#digest = token === undefined ? undefined : digestOf(token);
    this.#wrong = wrong;
  }

  /** True if operator routes need the token. */
  get isSet(): boolean {
    return this.#digest !== undefined;
  }

  /**
   * Returns true if the request has the token; false if none is set. `key` is the client's: after too many wrong tokens its
   * tokens are not compared, so that no answer reveals whether one is right.
   */
  isBearer(req: IncomingMessage, key: number): boolean {
    if (this.#digest === undefined) return false;
    const token = /^bearer +(\S+) *$/i.exec(req.headers.authorization ?? "")?.[1];
    if (token === undefined || this.#wrong.blockedFor(key) > 0) return false;
    // Digests are compared, so that neither the time nor the length reveals anything about the token.
    const digest = digestOf(token);
    if (timingSafeEqual(digest, this.#digest)) return true;
    this.#wrong.note(key, digest);
    return false;
  }

  /**
   * Returns the error for a request that needs the token and has not got it; sets the header that asks for it. `need` is
   * what needs it and what to do.
   */
  refusal(req: IncomingMessage, res: ServerResponse, key: number, need: string): HitsError {
    const isGiven = req.headers.authorization !== undefined;
    const retryAfter = isGiven ? this.#wrong.blockedFor(key) : 0;
    if (retryAfter > 0) {
      const limit = `after ${MAX_WRONG_TOKENS} wrong tokens in a minute no further one is compared`;
      return new HitsError("RATE_LIMITED", `too many wrong tokens from this address: ${limit}`, { retryAfter });
    }
    res.setHeader("WWW-Authenticate", 'Bearer realm="durable-hits"');
    const problem = isGiven ? "the Authorization header has no valid token" : "authentication required";
    return new HitsError("UNAUTHORIZED", `${problem}: ${need}`);
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
