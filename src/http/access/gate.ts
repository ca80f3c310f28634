import type { IncomingMessage, ServerResponse } from "node:http";
import { isbot } from "isbot";
import { HitsError } from "../../errors.js";
import type { AccessPolicy, Client } from "../../model/access.js";
import type { Clients } from "./clients.js";
import { isOriginAllowed } from "./cors.js";
import { type Allowance, ClientLimiter } from "./rate-limit.js";

const MANY_NEED_TOKEN =
  "counting more than one hit in a request needs ADMIN_TOKEN as a bearer token, or PUBLIC_HITS=all on the server";

/** Decides whether a request may count, by everything but the hit itself: its origin, its rate, and bots. */
export class Gate {
  readonly #policy: AccessPolicy;
  readonly #clients: Clients;
  readonly #limiter: ClientLimiter | undefined;

  constructor(policy: AccessPolicy, clients: Clients) {
    this.#policy = policy;
    this.#clients = clients;
    this.#limiter = policy.rateLimit === undefined ? undefined : new ClientLimiter(policy.rateLimit);
  }

  /** Throws `ORIGIN_NOT_ALLOWED` for pages of other origins: browsers send plain text from them without asking first. */
  checkOrigin(req: IncomingMessage): void {
    if (req.headers.origin === undefined || isOriginAllowed(req, this.#policy)) return;
    throw new HitsError(
      "ORIGIN_NOT_ALLOWED",
      `pages of ${req.headers.origin.slice(0, 200)} may not send hits: the origin is not in CORS_ORIGINS`,
    );
  }

  /** Returns the client of a request. */
  clientOf(req: IncomingMessage): Client {
    return this.#clients.of(req);
  }

  /** Throws `UNAUTHORIZED` or `RATE_LIMITED` if only the operator may count more than one hit in a request, and this is not one. */
  checkMany(client: Client, req: IncomingMessage, res: ServerResponse): void {
    const { adminToken, publicHits } = this.#policy;
    if (adminToken === undefined || publicHits === "all") return;
    this.#clients.requireToken(client, req, res, MANY_NEED_TOKEN);
  }

  /**
   * Takes so many hits off the client's allowance; rejects with `RATE_LIMITED`. Undefined, so that there is nothing to
   * wait for, if there is no limit or the operator sends them.
   */
  take(client: Client, hits: number): Promise<void> | undefined {
    return this.#limiterOf(client)?.consume(client, hits);
  }

  /** Resolves to the client's allowance; rejects with `RATE_LIMITED` if it is used up. Undefined as with `take`. */
  allowance(client: Client): Promise<Allowance> | undefined {
    return this.#limiterOf(client)?.allowance(client);
  }

  /** Returns true if the request comes from a known bot, and bots are not counted. */
  isUncountedBot(req: IncomingMessage): boolean {
    return !this.#policy.countBots && isbot(req.headers["user-agent"]);
  }

  #limiterOf(client: Client): ClientLimiter | undefined {
    return client.standing === "operator" ? undefined : this.#limiter;
  }
}
