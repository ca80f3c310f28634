import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { describeError, HitsError, systemCode } from "../errors.js";
import type { Logger } from "../model/services.js";
import { hasManyHosts } from "./access/hosts.js";
import { sendProblem } from "./answer.js";
import { type App, STOP_EVENT } from "./app.js";
import { answerClientError, answerConnect } from "./client-error.js";
import type { Connection } from "./connection.js";
import { type ConnectionBounds, Connections } from "./connections.js";
import { MAX_BULK_BYTES } from "./hits/bulk.js";
import { problemOf } from "./problem.js";
import { knownRequestId, takeRequestId } from "./request-id.js";

/** Bounds of connections and their requests; times in milliseconds. */
export interface ServerBounds extends ConnectionBounds {
  readonly maxHeaderBytes: number;
  readonly maxHeaderFields: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
}

const BOUNDS: ServerBounds = {
  maxHeaderBytes: 16 * 1024,
  maxHeaderFields: 100,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000,
  checkIntervalMs: 1000,
  writeTimeoutMs: 10_000,
  minBytesPerSecond: 16 * 1024,
};

const IDLE_CHECK_MS = 50;
const DROP_WARNING_MS = 60_000;
/** What a client may still send after something that is not HTTP, while it is given the time to read the answer. */
const MAX_BYTES_AFTER_FAILURE = 1024 * 1024;
/** Connections that node accepts beyond the bound, so that room can be made for them; it closes what is more at once. */
const SPARE_CONNECTIONS = 100;

/** Returns a server that is not listening yet. */
export function createHttpServer(app: App, logger: Logger, bounds: Partial<ServerBounds> = {}): HttpServer {
  return new HttpServer(app, logger, { ...BOUNDS, ...bounds });
}

/** The application on a socket. */
export class HttpServer {
  readonly #app: App;
  readonly #logger: Logger;
  /** Read once: the level does not change, and it is needed for every request. */
  readonly #logsRequests: boolean;
  readonly #bounds: ServerBounds;
  readonly #handle: ReturnType<App["callback"]>;
  readonly #server: Server;
  readonly #connections: Connections;
  /** Connections on which the parser has failed, with what had been read by then. */
  readonly #failed = new WeakMap<object, number>();
  #droppedAt = Number.NEGATIVE_INFINITY;
  #stopping: Promise<void> | undefined;

  constructor(app: App, logger: Logger, bounds: ServerBounds) {
    this.#app = app;
    this.#logger = logger;
    this.#logsRequests = logger.isLevelEnabled?.("debug") === true;
    this.#bounds = bounds;
    this.#handle = app.callback();
    const { clients, budgets } = app;
    const start = (connection: Connection, res: ServerResponse) => this.#start(connection, res);
    this.#connections = new Connections({ clients, budgets, bounds, start });
    this.#server = createServer(
      {
        maxHeaderSize: bounds.maxHeaderBytes,
        headersTimeout: bounds.headersTimeoutMs,
        requestTimeout: bounds.requestTimeoutMs,
        keepAliveTimeout: bounds.keepAliveTimeoutMs,
        connectionsCheckingInterval: bounds.checkIntervalMs,
        // #start checks this and the number of header fields: node would answer with an empty 400, and drop fields silently.
        requireHostHeader: false,
      },
      (req, res) => this.#onRequest(req, res),
    );
    this.#server.maxHeadersCount = 0;
    this.#server.maxConnections = budgets.connections.capacity + SPARE_CONNECTIONS;
    this.#listenToConnections();
  }

  /** The number of open connections. */
  get connections(): number {
    return this.#connections.size;
  }

  /**
   * Starts listening; port 0 takes a free one. Resolves to the address in use. Rejects with an error whose `code` is the
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
   * Ends event streams, stops accepting, closes idle connections, and waits for requests in flight to be answered; after
   * `graceMs` it closes the connections that are left. Resolves once no connection is open; a second call waits for the
   * first.
   */
  stop(graceMs: number): Promise<void> {
    this.#stopping ??= this.#stop(graceMs);
    return this.#stopping;
  }

  async #stop(graceMs: number): Promise<void> {
    this.#app.emit(STOP_EVENT);
    for (const { socket, newest } of this.#connections) {
      // Node treats a connection that never sent a byte as busy, and browsers open such connections in advance.
      if (newest === undefined && socket.bytesRead === 0) socket.destroy();
      else if (newest !== undefined && !newest.headersSent) newest.shouldKeepAlive = false;
    }
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const idle = setInterval(() => this.#server.closeIdleConnections(), IDLE_CHECK_MS);
    const grace = setTimeout(() => {
      this.#logger.warn(
        { connections: this.#connections.size },
        "closing connections still open after the grace period",
      );
      this.#server.closeAllConnections();
    }, graceMs);
    await closed;
    clearInterval(idle);
    clearTimeout(grace);
  }

  #listenToConnections(): void {
    this.#server.on("connection", (socket) => {
      const connection = this.#connections.admit(socket);
      if (connection === undefined) {
        this.#warnOfRefusal();
        socket.destroy();
        return;
      }
      socket.once("close", () => {
        // Node does not report a body cut short if its request has been answered: a reader of the body would wait for
        // ever, and keep its memory.
        if (connection.newest?.req.complete === false) connection.newest.req.destroy();
      });
    });
    this.#server.on("error", (error) => {
      // Accepting may fail later, for lack of file descriptors for example: no reason to exit.
      if (this.#server.listening) this.#logger.error({ err: error }, "cannot accept a connection");
    });
    this.#server.on("clientError", (error, socket) => {
      const { bytesRead } = socket as Socket;
      const failedAt = this.#failed.get(socket);
      // The parser reports every further packet of a connection on which it has failed.
      if (failedAt !== undefined) {
        if (bytesRead - failedAt > MAX_BYTES_AFTER_FAILURE) socket.destroy();
        return;
      }
      this.#failed.set(socket, bytesRead);
      const last = this.#connections.get(socket as Socket)?.newest;
      answerClientError(error, { socket, last, logger: this.#logger });
    });
    this.#server.on("connect", (_, socket) => answerConnect(socket, this.#logger));
    this.#server.on("checkContinue", (req, res) => {
      // A client that asks first learns that its body is too large before it sends any of it.
      if (!(Number(req.headers["content-length"]) > MAX_BULK_BYTES)) res.writeContinue();
      this.#onRequest(req, res);
    });
    // Expectations other than 100-continue may be ignored; node would answer with an empty 417.
    this.#server.on("checkExpectation", (req, res) => this.#onRequest(req, res));
    this.#server.on("drop", () => this.#warnOfRefusal());
  }

  #warnOfRefusal(): void {
    const now = performance.now();
    if (now - this.#droppedAt < DROP_WARNING_MS) return;
    this.#droppedAt = now;
    const maxConnections = this.#app.budgets.connections.capacity;
    this.#logger.warn({ maxConnections }, "too many connections: refusing new ones");
  }

  #onRequest(req: IncomingMessage, res: ServerResponse): void {
    if (this.#stopping !== undefined) res.shouldKeepAlive = false;
    this.#connections.get(req.socket)?.handle(res);
  }

  /** Answers a request whose turn has come. */
  #start(connection: Connection, res: ServerResponse): void {
    const { req } = res;
    if (req.headers["x-request-id"] !== undefined) takeRequestId(req, res);
    if (this.#logsRequests) this.#logRequest(req, res);
    const { maxHeaderFields } = this.#bounds;
    if (req.rawHeaders.length > 2 * maxHeaderFields) {
      this.#refuse(res, "HEADERS_TOO_LARGE", `the request has more than ${maxHeaderFields} header fields`);
    } else if (req.headers.host === undefined && req.httpVersion === "1.1") {
      this.#refuse(res, "BAD_REQUEST", "the request has no Host header");
    } else if (hasManyHosts(req)) this.#refuse(res, "BAD_REQUEST", "the request has more than one Host header");
    else {
      const handled = this.#handle(req, res);
      // The answers to single hits are small: only those that pile up are charged, in the checks at intervals.
      if (!isSingleHit(req)) void handled.then(() => connection.chargeAnswers(() => this.#app.clients.of(req)));
    }
  }

  /** Logs the request once it is over, without its query, which may contain ids and other private data. */
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
    sendProblem(res, problemOf(new HitsError(code, detail), { logger: this.#logger, request: res.req }));
  }
}

function isSingleHit({ method, url = "" }: IncomingMessage): boolean {
  return method === "POST" && url.startsWith("/hits/");
}

function listenError(error: unknown, host: string, port: number): Error {
  const code = systemCode(error);
  const where = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  let why = `cannot listen on ${where}: ${describeError(error)}`;
  if (code === "EADDRINUSE") why = `${where} is in use by another process: stop it, or set another PORT`;
  if (code === "EACCES") why = `no permission to listen on ${where}: set a PORT from 1024 on`;
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND")
    why = `${host} is not an address of this machine: set another HOST`;
  return Object.assign(new Error(why, { cause: error }), { code });
}
