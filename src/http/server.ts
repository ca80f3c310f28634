import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type Koa from "koa";
import { describeError, HitsError, systemCode } from "../errors.js";
import type { Logger } from "../model/logger.js";
import { sendProblem } from "./answer.js";
import { STOP_EVENT } from "./app.js";
import { answerClientError, answerConnect } from "./client-error.js";
import { MAX_BULK_BYTES } from "./hits/bulk.js";
import { problemOf } from "./problem.js";
import { knownRequestId, takeRequestId } from "./request-id.js";

/** What a connection may take; times in milliseconds. */
export interface ServerBounds {
  readonly maxHeaderBytes: number;
  readonly maxHeaderFields: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  /** How often the two time-outs are looked at. */
  readonly checkIntervalMs: number;
  readonly maxConnections: number;
}

const BOUNDS: ServerBounds = {
  maxHeaderBytes: 16 * 1024,
  maxHeaderFields: 100,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000,
  checkIntervalMs: 1000,
  maxConnections: 10_000,
};

const IDLE_CHECK_MS = 50;
const DROP_WARNING_MS = 60_000;

/** A server that isn't listening yet. */
export function createHttpServer(app: Koa, logger: Logger, bounds: Partial<ServerBounds> = {}): HttpServer {
  return new HttpServer(app, logger, { ...BOUNDS, ...bounds });
}

export class HttpServer {
  readonly #app: Koa;
  readonly #logger: Logger;
  /** Asked once: a level doesn't change, and each request comes by here. */
  readonly #logsRequests: boolean;
  readonly #bounds: ServerBounds;
  readonly #handle: RequestListener;
  readonly #server: Server;
  /** All open connections, each with the response to its latest request. */
  readonly #connections = new Map<Socket, ServerResponse | undefined>();
  readonly #failed = new WeakSet<object>();
  #droppedAt = Number.NEGATIVE_INFINITY;
  #stopping: Promise<void> | undefined;

  constructor(app: Koa, logger: Logger, bounds: ServerBounds) {
    this.#app = app;
    this.#logger = logger;
    this.#logsRequests = logger.isLevelEnabled?.("debug") === true;
    this.#bounds = bounds;
    this.#handle = app.callback();
    this.#server = createServer(
      {
        maxHeaderSize: bounds.maxHeaderBytes,
        headersTimeout: bounds.headersTimeoutMs,
        requestTimeout: bounds.requestTimeoutMs,
        keepAliveTimeout: bounds.keepAliveTimeoutMs,
        connectionsCheckingInterval: bounds.checkIntervalMs,
        // Both are looked at in #onRequest: node would answer with an empty 400, and leave out header fields silently.
        requireHostHeader: false,
      },
      (req, res) => this.#onRequest(req, res),
    );
    this.#server.maxHeadersCount = 0;
    this.#server.maxConnections = bounds.maxConnections;
    this.#listenToConnections();
  }

  /**
   * Starts listening; port 0 takes a free one. Rejects where that can't be, with an error whose `code` is the
   * system's (`EADDRINUSE`, `EACCES`, …) and whose message says what to do.
   */
  async listen(host: string, port: number): Promise<{ host: string; port: number }> {
    const listening = once(this.#server, "listening");
    this.#server.listen(port, host);
    try {
      await listening;
    } catch (error) {
      throw listenError(error, host, port);
    }
    const address = this.#server.address();
    return { host, port: typeof address === "object" && address !== null ? address.port : port };
  }

  /**
   * Ends event streams, stops accepting, closes idle connections, lets what is in flight be answered, and after
   * `graceMs` cuts what is left. Resolves once no connection is open; a second call waits for the first.
   */
  stop(graceMs: number): Promise<void> {
    this.#stopping ??= this.#stop(graceMs);
    return this.#stopping;
  }

  async #stop(graceMs: number): Promise<void> {
    this.#app.emit(STOP_EVENT);
    for (const [socket, response] of this.#connections) {
      // Node takes a connection that never sent a byte for a busy one, and browsers open such ahead of need.
      if (response === undefined && socket.bytesRead === 0) socket.destroy();
      else if (response !== undefined && !response.headersSent) response.shouldKeepAlive = false;
    }
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const idle = setInterval(() => this.#server.closeIdleConnections(), IDLE_CHECK_MS);
    const grace = setTimeout(() => {
      this.#logger.warn({ connections: this.#connections.size }, "connections still open after the time of grace: cut");
      this.#server.closeAllConnections();
    }, graceMs);
    await closed;
    clearInterval(idle);
    clearTimeout(grace);
  }

  #listenToConnections(): void {
    this.#server.on("connection", (socket) => {
      this.#connections.set(socket, undefined);
      socket.once("close", () => {
        const request = this.#connections.get(socket)?.req;
        this.#connections.delete(socket);
        // Node doesn't tell of a body that was cut short where its request has an answer already, and who reads it would
        // wait, and hold what it holds, for ever.
        if (request?.complete === false) request.destroy();
      });
    });
    this.#server.on("error", (error) => {
      // Accepting may fail later on, with no file descriptors left, say: no reason to end.
      if (this.#server.listening) this.#logger.error({ err: error }, "a connection could not be accepted");
    });
    this.#server.on("clientError", (error, socket) => {
      // The parser complains about every further packet of a connection that it has given up.
      if (this.#failed.has(socket)) return;
      this.#failed.add(socket);
      answerClientError(error, socket, this.#connections.get(socket as Socket), this.#logger);
    });
    this.#server.on("connect", (_, socket) => answerConnect(socket, this.#logger));
    this.#server.on("checkContinue", (req, res) => {
      // A client that asks first and has too much is told so before it sends any of it.
      if (!(Number(req.headers["content-length"]) > MAX_BULK_BYTES)) res.writeContinue();
      this.#onRequest(req, res);
    });
    // Other expectations than 100-continue may be ignored; node would answer with an empty 417.
    this.#server.on("checkExpectation", (req, res) => this.#onRequest(req, res));
    this.#server.on("drop", () => {
      const now = performance.now();
      if (now - this.#droppedAt < DROP_WARNING_MS) return;
      this.#droppedAt = now;
      this.#logger.warn({ maxConnections: this.#bounds.maxConnections }, "too many connections: new ones are refused");
    });
  }

  #onRequest(req: IncomingMessage, res: ServerResponse): void {
    this.#connections.set(req.socket, res);
    if (req.headers["x-request-id"] !== undefined) takeRequestId(req, res);
    if (this.#logsRequests) this.#logRequest(req, res);
    if (this.#stopping !== undefined) res.shouldKeepAlive = false;
    const { maxHeaderFields } = this.#bounds;
    if (req.rawHeaders.length > 2 * maxHeaderFields) {
      this.#refuse(res, "HEADERS_TOO_LARGE", `the request has more than ${maxHeaderFields} header fields`);
    } else if (req.headers.host === undefined && req.httpVersion === "1.1") {
      this.#refuse(res, "BAD_REQUEST", "the request has no Host header");
    } else this.#handle(req, res);
  }

  /** Tells of the request once it is over. Queries may hold ids and what else is nobody's business. */
  #logRequest(req: IncomingMessage, res: ServerResponse): void {
    const { method, url = "" } = req;
    const path = url.split("?", 1)[0];
    const since = performance.now();
    res.once("close", () => {
      const ms = Math.round((performance.now() - since) * 1000) / 1000;
      const status = res.headersSent ? res.statusCode : undefined;
      const whole = res.writableFinished ? undefined : { cut: true };
      this.#logger.debug?.({ method, path, status, ms, requestId: knownRequestId(req), ...whole }, "request");
    });
  }

  #refuse(res: ServerResponse, code: "HEADERS_TOO_LARGE" | "BAD_REQUEST", detail: string): void {
    res.shouldKeepAlive = false;
    sendProblem(res, problemOf(new HitsError(code, detail), this.#logger, res.req));
  }
}

function listenError(error: unknown, host: string, port: number): Error {
  const code = systemCode(error);
  const where = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  let why = `can't listen on ${where}: ${describeError(error)}`;
  if (code === "EADDRINUSE") why = `${where} is in use by another process: stop that one, or set another PORT`;
  if (code === "EACCES") why = `not allowed to listen on ${where}: set a PORT from 1024 on`;
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") why = `no address of this machine is ${host}: set another HOST`;
  return Object.assign(new Error(why, { cause: error }), { code });
}
