import { connect, type Socket } from "node:net";
import * as assert from "uvu/assert";
import { type App, type AppOptions, createApp } from "../../src/http/app.js";
import { createHttpServer, type HttpServer, type ServerBounds } from "../../src/http/server.js";
import { collectComplaints } from "./described.js";
import { FakeLogger, FakeServices } from "./fake-services.js";

export interface Running {
  readonly services: FakeServices;
  readonly logger: FakeLogger;
  readonly app: App;
  readonly server: HttpServer;
  readonly port: number;
  readonly url: string;
}

export interface Bounds extends AppOptions {
  readonly server?: Partial<ServerBounds>;
}

/**
 * Runs `body` against a server on a free port and stops it. Fails if an error was logged, or if an answer is not described
 * in the API description.
 */
export async function withServer(body: (running: Running) => Promise<void>, bounds: Bounds = {}): Promise<void> {
  const services = new FakeServices();
  const logger = new FakeLogger();
  const app = createApp(services, logger, bounds);
  const complaints = collectComplaints(app);
  const server = createHttpServer(app, logger, bounds.server);
  const { port } = await server.listen("127.0.0.1", 0);
  try {
    await body({ services, logger, app, server, port, url: `http://127.0.0.1:${port}` });
  } finally {
    await server.stop(500);
  }
  assert.equal(logger.errors, []);
  assert.equal(complaints, [], "answers that /openapi.json does not describe");
}

/** An answer read from a socket. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** A connection on which a test sends exact bytes. */
export class RawClient {
  readonly socket: Socket;
  #received = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  closed = false;
  error: Error | undefined;

  /** `from`: the address of this machine that it connects from, which is the client's. */
  constructor(port: number, from = "127.0.0.1") {
    this.socket = connect({ port, host: "127.0.0.1", localAddress: from });
    this.socket.on("data", (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake?.();
    });
    this.socket.on("error", (error) => {
      this.error = error;
    });
    this.socket.on("close", () => {
      this.closed = true;
      this.#wake?.();
    });
  }

  send(text: string | Uint8Array): void {
    this.socket.write(text);
  }

  /** Resolves to the next answer, which must have a Content-Length; HEAD has no body. */
  async answer(method = "GET"): Promise<RawAnswer> {
    const head = await this.until((received) => received.indexOf("\r\n\r\n"));
    const lines = this.#take(head + 4)
      .trimEnd()
      .split("\r\n");
    const headers = new Map<string, string>();
    for (const line of lines.slice(1)) {
      const colon = line.indexOf(":");
      headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
    const status = Number(lines[0]?.split(" ")[1]);
    if (method === "HEAD") return { status, headers, body: "" };
    const length = Number(headers.get("content-length"));
    await this.until((received) => (received.length >= length ? 0 : -1));
    return { status, headers, body: this.#take(length) };
  }

  /** Resolves to the text up to and including `mark`. */
  async upTo(mark: string): Promise<string> {
    const at = await this.until((received) => received.indexOf(mark));
    return this.#take(at + mark.length);
  }

  /** Resolves to the rest of the text once the other side has closed. */
  async close(): Promise<string> {
    while (!this.closed) await this.#more("the end of the connection");
    return this.#take(this.#received.length);
  }

  async until(found: (received: Buffer) => number): Promise<number> {
    for (;;) {
      const at = found(this.#received);
      if (at !== -1) return at;
      if (this.closed) throw new Error(`closed after: ${this.#received.toString("latin1").slice(0, 500)}`);
      await this.#more("more bytes");
    }
  }

  #take(length: number): string {
    const text = this.#received.subarray(0, length).toString("utf8");
    this.#received = this.#received.subarray(length);
    return text;
  }

  #more(what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`waited 10 s for ${what}`)), 10_000);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Sends one request, exactly as given, on its own connection. The answer to `method` HEAD is read without a body. */
export async function raw(
  port: number,
  request: string,
  method = request.startsWith("HEAD") ? "HEAD" : "GET",
): Promise<RawAnswer> {
  const client = new RawClient(port);
  client.send(request);
  const answer = await client.answer(method);
  client.socket.destroy();
  return answer;
}

/** Sends a request with its target as given, which `fetch` would normalise. */
export function rawRequest(port: number, method: string, target: string): Promise<RawAnswer> {
  return raw(port, `${method} ${target} HTTP/1.1\r\nHost: x\r\n\r\n`);
}

/** Checks that an answer is a problem with this status and code. Resolves to its members. */
export function assertProblem(
  answer: { status: number; headers: Headers | ReadonlyMap<string, string> },
  body: string,
  status: number,
  code: string,
): Record<string, unknown> {
  const problem = JSON.parse(body) as Record<string, unknown>;
  assert.is(`${answer.status} ${problem["code"]}`, `${status} ${code}`, String(problem["detail"]));
  assert.is(problem["status"], status);
  assert.is(problem["type"], "about:blank");
  assert.type(problem["title"], "string");
  assert.type(problem["detail"], "string");
  assert.match(answer.headers.get("content-type") ?? "", /^application\/problem\+json/);
  assert.is(answer.headers.get("cache-control"), "no-store");
  assert.is(answer.headers.get("x-content-type-options"), "nosniff");
  const retryAfter = answer.headers.get("retry-after") ?? undefined;
  assert.is(retryAfter !== undefined && /^[1-9]\d*$/.test(retryAfter), status === 503 || status === 429, "Retry-After");
  return problem;
}

export async function expectProblem(
  response: Response,
  status: number,
  code: string,
): Promise<Record<string, unknown>> {
  return assertProblem(response, await response.text(), status, code);
}

export function expectRawProblem(answer: RawAnswer, status: number, code: string): Record<string, unknown> {
  return assertProblem(answer, answer.body, status, code);
}

/** Waits until something is true, checked often. */
export async function eventually(what: string, isTrue: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error(`not within 10 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Waits until a number has stayed the same for a while. */
export async function settled(what: string, read: () => number): Promise<void> {
  let value = read();
  let since = performance.now();
  await eventually(what, () => {
    if (read() !== value) since = performance.now();
    value = read();
    return performance.now() - since > 150;
  });
}
