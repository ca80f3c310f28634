import type { Context } from "koa";
import type { Hit } from "../../model/hit.js";
import type { Logger, Services } from "../../model/services.js";
import type { Gate } from "../access/gate.js";
import { type Problem, problemOf } from "../problem.js";
import { REQUEST_ID_HEADER } from "../request-id.js";
import { type NotCountedReason, setNotCounted } from "./not-counted.js";

/** The outcome of a view. */
export type View =
  | { readonly state: "counted"; readonly replayed: boolean }
  | { readonly state: "notCounted"; readonly reason: NotCountedReason }
  | { readonly state: "refused"; readonly problem: Problem };

/** Counts views, for the page and the pictures. */
export class Views {
  readonly #services: Services;
  readonly #gate: Gate;
  readonly #logger: Logger;

  constructor(services: Services, gate: Gate, logger: Logger) {
    this.#services = services;
    this.#gate = gate;
    this.#logger = logger;
  }

  /**
   * Counts a GET as a hit, and sets a header if nothing was counted. Never rejects: the answer is sent in any case. `hit`
   * may throw a refusal; `reason` is why this request is not a view at all.
   */
  async count(ctx: Context, hit: () => Hit, reason = passiveReason(ctx)): Promise<View> {
    try {
      const wanted = hit();
      if (reason !== undefined) return this.#skip(ctx, reason);
      this.#gate.checkOrigin(ctx.req);
      const client = this.#gate.clientOf(ctx.req);
      await this.#gate.take(client, wanted.n);
      if (wanted.n > 1) this.#gate.checkMany(client, ctx.req, ctx.res);
      if (this.#gate.isUncountedBot(ctx.req)) return this.#skip(ctx, "BOT");
      const { replayed } = await this.#services.collector.record(wanted, client);
      return { state: "counted", replayed };
    } catch (error) {
      const problem = problemOf(error, { logger: this.#logger, request: ctx.req });
      if (reason === undefined) this.#services.tally.noteRejected(problem.code, 1);
      setNotCounted(ctx.res, problem.code);
      ctx.set(REQUEST_ID_HEADER, problem.requestId);
      return { state: "refused", problem };
    }
  }

  #skip(ctx: Context, reason: NotCountedReason): View {
    this.#services.tally.noteNotCounted(reason);
    setNotCounted(ctx.res, reason);
    return { state: "notCounted", reason };
  }
}

/** Returns why a request is not a view; undefined if it may be one. */
export function passiveReason(ctx: Context): NotCountedReason | undefined {
  if (ctx.method === "HEAD") return "HEAD";
  return isPrefetch(ctx) ? "PREFETCH" : undefined;
}

/** Returns true for a page fetched by a browser before it is viewed: by the standard header, or older ones. */
function isPrefetch(ctx: Context): boolean {
  return ["Sec-Purpose", "Purpose", "X-Moz"].some((header) => ctx.get(header).toLowerCase().includes("prefetch"));
}
