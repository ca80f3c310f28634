import { isUtf8 } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Middleware } from "koa";
import { HitsError } from "../errors.js";
import { parseId, parseN } from "../hit.js";
import { sendError, sendJson } from "./answer.js";
import { hasBody, readPayload } from "./body.js";
import { type KnownName, NameCache } from "./counter-name.js";
import type { Gate } from "./gate.js";
import type { Logger } from "./logger.js";
import { notCountedHeader } from "./not-counted.js";
import type { Services } from "./services.js";
import { decodeQueryPart, rawQueryValue } from "./target.js";

const PREFIX = "/hits/";
const REPLAYED = ["Idempotent-Replayed", "true"];

/** Single hits: `POST /hits/:counter`, and `POST /hits?counter=`. */
export class SingleHits {
  readonly #services: Services;
  readonly #gate: Gate;
  readonly #logger: Logger;
  readonly #names = new NameCache();

  constructor(services: Services, gate: Gate, logger: Logger) {
    this.#services = services;
    this.#gate = gate;
    this.#logger = logger;
  }

  /**
   * Answers `POST /hits/:counter` ahead of everything else, because that is what nearly all requests are: a router
   * would cost more than all the rest of it. What looks any different goes on to the next middleware.
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

  /** Answers the request as a hit of the counter that this path segment, as sent, names; never rejects. */
  async answer(req: IncomingMessage, res: ServerResponse, segment: string, query: string): Promise<void> {
    try {
      await this.#record(req, res, this.#names.get(segment), query);
    } catch (error) {
      this.#refuse(res, error);
    }
  }

  /** The same for a counter whose name is known. */
  async answerFor(req: IncomingMessage, res: ServerResponse, name: string, query: string): Promise<void> {
    try {
      await this.#record(req, res, { name, json: JSON.stringify(name) }, query);
    } catch (error) {
      this.#refuse(res, error);
    }
  }

  #refuse(res: ServerResponse, error: unknown): void {
    const code = sendError(res, error, this.#logger, undefined, notCountedHeader);
    if (code !== undefined) this.#services.noteRejected(code, 1);
  }

  async #record(req: IncomingMessage, res: ServerResponse, counter: KnownName, query: string): Promise<void> {
    this.#gate.checkOrigin(req);
    const waiting = this.#gate.take(req, 1);
    if (waiting !== undefined) await waiting;
    const n = query === "" ? 1 : numberIn(query);
    const id = idOf(req, query);
    const payload = hasBody(req) ? await readPayload(req) : undefined;
    if (this.#gate.isUncountedBot(req)) {
      this.#answerBot(res, counter);
      return;
    }
    const { offset, count, replayed } = await this.#services.record({
      counter: counter.name,
      n,
      ...(id === undefined ? undefined : { id }),
      ...(payload === undefined ? undefined : { payload }),
    });
    const body = `{"counter":${counter.json},"offset":${offset},"count":${count}}`;
    sendJson(res, 202, body, replayed ? REPLAYED : undefined);
  }

  /** Not a 202: that says that a hit is on disk. */
  #answerBot(res: ServerResponse, { name, json }: KnownName): void {
    const { count } = this.#services.counter(name);
    this.#services.noteNotCounted("BOT");
    sendJson(res, 200, `{"counter":${json},"offset":null,"count":${count}}`, notCountedHeader("BOT"));
  }
}

function numberIn(query: string): number {
  const raw = rawQueryValue(query, "n");
  return raw === undefined ? 1 : parseN(decodeQueryPart(raw) ?? raw);
}

/** The client's key, from the query or the header; both may be there if they say the same. Throws `INVALID_ID`. */
function idOf(req: IncomingMessage, query: string): string | undefined {
  const inHeader = req.headers["idempotency-key"] === undefined ? undefined : idInHeader(req);
  const raw = rawQueryValue(query, "id");
  if (raw === undefined) return inHeader;
  const inQuery = decodeQueryPart(raw);
  if (inQuery === undefined) throw new HitsError("INVALID_ID", "id is not percent-encoded UTF-8");
  if (inHeader !== undefined && inHeader !== inQuery) {
    throw new HitsError("INVALID_ID", "id in the query and Idempotency-Key differ: give one of them");
  }
  return parseId(inQuery);
}

function idInHeader(req: IncomingMessage): string {
  const values = req.headersDistinct["idempotency-key"] ?? [];
  const [value] = values;
  if (value === undefined || values.length > 1) {
    throw new HitsError("INVALID_ID", "Idempotency-Key is there more than once");
  }
  // A structured field's string is in quotes, in which a backslash escapes; many clients send the bare key.
  const bare = /^"(.*)"$/.exec(value)?.[1]?.replace(/\\(["\\])/g, "$1") ?? value;
  // Node hands out headers byte by byte; read as UTF-8, the same key is the same here and in the query.
  const bytes = Buffer.from(bare, "latin1");
  if (!isUtf8(bytes)) throw new HitsError("INVALID_ID", "Idempotency-Key is not UTF-8");
  return parseId(bytes.toString("utf8"));
}
