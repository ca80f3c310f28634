import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { hitsScript, hitsScriptHeaders } from "../../../src/http/script/script.js";

export interface Sent {
  readonly counter: string;
  readonly id: string;
  readonly n: number;
  readonly payload: string;
  readonly type: string | undefined;
  readonly cookie: string | undefined;
  /** No answer of a beacon is ever read, so a browser sends it without CORS. */
  readonly beacon: boolean;
  /** What it was answered with; 0 for a connection that was cut. */
  readonly status: number;
}

/** `cut`: closed unanswered, not counted. `swallow`: counted, then closed unanswered. A number: refused with it. */
export type Mood = "count" | "cut" | "swallow" | "hang" | number;

const CORS = { "Access-Control-Allow-Origin": "*" };

/**
 * What hits.js talks to: `POST hits?counter=&id=`, which counts an id once, and `GET events?counter=`, under a path
 * prefix. It keeps an exact ledger, and a list of what it should never have been asked.
 */
export class CounterServer {
  readonly counts = new Map<string, number>();
  readonly sent: Sent[] = [];
  /** Preflights, and requests for anything else. */
  readonly unexpected: string[] = [];
  mood: Mood = "count";
  readonly #first = new Map<string, number>();
  readonly #streams = new Map<ServerResponse, string>();
  #server: Server | undefined;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}/counted/`;
  }

  get streams(): number {
    return this.#streams.size;
  }

  /** How many ids were counted. */
  get ids(): number {
    return this.#first.size;
  }

  /** Listens; again on the same port after `stop`. */
  async start(): Promise<void> {
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }

  /** Hits by others: what streams tell of. */
  add(counter: string, n: number): number {
    const count = (this.counts.get(counter) ?? 0) + n;
    this.counts.set(counter, count);
    for (const [stream, of] of this.#streams) if (of === counter) stream.write(this.#event(counter));
    return count;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "", this.url);
    const what = `${request.method} ${url.pathname}`;
    if (what === "GET /counted/hits.js") {
      response.writeHead(200, { ...hitsScriptHeaders, "Content-Type": hitsScript.type }).end(hitsScript.body);
    } else if (what === "POST /counted/hits") await this.#hit(request, response, url.searchParams);
    else if (what === "GET /counted/events") this.#stream(response, url.searchParams.get("counter") ?? "");
    else {
      this.unexpected.push(what);
      response.writeHead(404).end();
    }
  }

  async #hit(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): Promise<void> {
    const payload = await text(request);
    const { mood } = this;
    const status = typeof mood === "number" ? mood : mood === "count" ? 202 : 0;
    const counter = query.get("counter") ?? "";
    const id = query.get("id") ?? "";
    const n = Number(query.get("n") ?? "1");
    const { "content-type": type, cookie } = request.headers;
    const beacon = request.headers["sec-fetch-mode"] === "no-cors";
    this.sent.push({ counter, id, n, payload, type, cookie, beacon, status });
    let count = this.#first.get(id);
    if ((mood === "count" || mood === "swallow") && count === undefined) {
      count = this.add(counter, n);
      this.#first.set(id, count);
    }
    if (mood === "hang") return;
    if (status === 0) request.socket.destroy();
    else {
      const problem = { status, code: "REFUSED" };
      const body = JSON.stringify(status === 202 ? { counter, offset: this.#first.size, count } : problem);
      response.writeHead(status, { ...CORS, "Content-Type": "application/json" }).end(body);
    }
  }

  #stream(response: ServerResponse, counter: string): void {
    if (typeof this.mood === "number") {
      response.writeHead(this.mood, CORS).end();
      return;
    }
    response.writeHead(200, { ...CORS, "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    response.write(`retry: 100\n\n${this.#event(counter)}`);
    this.#streams.set(response, counter);
    response.on("close", () => this.#streams.delete(response));
  }

  #event(counter: string): string {
    return `event: counter\ndata: ${JSON.stringify({ counter, count: this.counts.get(counter) ?? 0 })}\n\n`;
  }
}
