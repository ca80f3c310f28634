import type { IncomingMessage, ServerResponse } from "node:http";
import type { Middleware } from "koa";
import type { Logger, Services } from "../../model/services.js";
import type { Gate } from "../access/gate.js";
import { sendError, sendJson } from "../answer.js";
import { type CheckedName, NameCache } from "../counter-name.js";
import type { Bodies } from "./bodies.js";
import { announcedKib, hasBody, readPayload } from "./body.js";
import { readId, readNumber } from "./hit-query.js";
import { notCountedHeader } from "./not-counted.js";

const PREFIX = "/hits/";
const REPLAYED = ["Idempotent-Replayed", "true"];

export interface SingleHitsOptions {
  readonly services: Services;
  readonly gate: Gate;
  readonly bodies: Bodies;
  readonly logger: Logger;
}

/** Single hits: `POST /hits/:counter`, and `POST /hits?counter=`. */
export class SingleHits {
  readonly #services: Services;
  readonly #gate: Gate;
  readonly #bodies: Bodies;
  readonly #logger: Logger;
  readonly #names = new NameCache();

  constructor({ services, gate, bodies, logger }: SingleHitsOptions) {
    this.#services = services;
    this.#gate = gate;
    this.#bodies = bodies;
    this.#logger = logger;
  }

  /**
   * Returns the middleware that answers `POST /hits/:counter` before everything else, because nearly all requests are of
   * this form and a router would cost more than all the rest. It passes on every other request.
   */
  middleware(): Middleware {
    return (ctx, next) => {
      const { req, res } = ctx;
      const url = req.url ?? "";
      if (req.method !== "POST" || !url.startsWith(PREFIX)) return next();
      const mark = url.indexOf("?", PREFIX.length);
      const segment = mark === -1 ? url.slice(PREFIX.length) : url.slice(PREFIX.length, mark);
      if (segment.includes("/")) return next();
      ctx.respond = false;
      return this.answer(req, res, segment, mark === -1 ? "" : url.slice(mark + 1));
    };
  }

  /** Answers the request as a hit of the counter named by a path segment, which is given as sent; never rejects. */
  async answer(req: IncomingMessage, res: ServerResponse, segment: string, query: string): Promise<void> {
    try {
      await this.#record(req, res, this.#names.get(segment), query);
    } catch (error) {
      this.#refuse(res, error);
    }
  }

  /** Answers the request as a hit of this counter; never rejects. */
  async answerFor(req: IncomingMessage, res: ServerResponse, name: string, query: string): Promise<void> {
    try {
      await this.#record(req, res, { name, json: JSON.stringify(name) }, query);
    } catch (error) {
      this.#refuse(res, error);
    }
  }

  #refuse(res: ServerResponse, error: unknown): void {
    const code = sendError(res, error, { logger: this.#logger, headers: notCountedHeader });
    if (code !== undefined) this.#services.tally.noteRejected(code, 1);
  }

  async #record(req: IncomingMessage, res: ServerResponse, counter: CheckedName, query: string): Promise<void> {
    this.#gate.checkOrigin(req);
    const client = this.#gate.clientOf(req);
    const n = query === "" ? 1 : readNumber(query);
    const withBody = hasBody(req);
    const waiting = this.#gate.take(client, withBody ? Math.max(n, announcedKib(req)) : n);
    if (waiting !== undefined) await waiting;
    if (n > 1) this.#gate.checkMany(client, req, res);
    const id = readId(req, query);
    const payload = withBody ? await readPayload(req, client, this.#bodies) : undefined;
    if (this.#gate.isUncountedBot(req)) {
      this.#answerBot(res, counter);
      return;
    }
    const hit = {
      counter: counter.name,
      n,
      ...(id === undefined ? undefined : { id }),
      ...(payload === undefined ? undefined : { payload }),
    };
    const { offset, count, replayed } = await this.#services.collector.record(hit, client);
    const body = `{"counter":${counter.json},"offset":${offset},"count":${count}}`;
    sendJson(res, 202, body, replayed ? REPLAYED : undefined);
  }

  /** Answers 200, not 202, which would mean that the hit is on disk. */
  #answerBot(res: ServerResponse, { name, json }: CheckedName): void {
    const { count } = this.#services.view.counter(name);
    this.#services.tally.noteNotCounted("BOT");
    sendJson(res, 200, `{"counter":${json},"offset":null,"count":${count}}`, notCountedHeader("BOT"));
  }
}
