import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { buildHitsScript, hitsScriptHeaders, keepMsOf } from "../../../src/http/script/script.js";
import { RestartableServer } from "../restartable-server.js";

export interface Sent {
  readonly counter: string;
  readonly id: string;
  readonly n: number;
  readonly payload: string;
  readonly type: string | undefined;
  readonly cookie: string | undefined;
  /** No answer of a beacon is ever read, so a browser sends it without CORS. */
  readonly beacon: boolean;
  /** The status of the answer; 0 for a connection that was cut. */
  readonly status: number;
}

/**
 * `cut`: closed unanswered, not counted. `swallow`: counted, then closed unanswered. `bot`: answered, not counted. A
 * number: refused with it.
 */
export type Mood = "count" | "cut" | "swallow" | "hang" | "bot" | number;

const CORS = { "Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Hit-Not-Counted" };
const SCRIPT = buildHitsScript(keepMsOf(86_400_000));

/**
 * The server of hits.js: `POST hits?counter=&id=`, which counts an id once, and `GET events?counter=`. It keeps an exact
 * ledger. Preflights and requests for anything else are unexpected.
 */
export class CounterServer extends RestartableServer {
  readonly counts = new Map<string, number>();
  readonly sent: Sent[] = [];
  mood: Mood = "count";
  readonly #first = new Map<string, number>();
  readonly #streams = new Map<ServerResponse, string>();

  get streams(): number {
    return this.#streams.size;
  }

  /** The number of counted ids. */
  get ids(): number {
    return this.#first.size;
  }

  /** Hits by others, which streams report. */
  add(counter: string, n: number): number {
    const count = (this.counts.get(counter) ?? 0) + n;
    this.counts.set(counter, count);
    for (const [stream, of] of this.#streams) if (of === counter) stream.write(this.#event(counter));
    return count;
  }

  protected answer(target: string, request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(target, this.url);
    const what = `${request.method} ${pathname.slice("/counted/".length)}`;
    if (what === "GET hits.js") {
      response.writeHead(200, { ...hitsScriptHeaders, "Content-Type": SCRIPT.type }).end(SCRIPT.body);
    } else if (what === "POST hits") void this.#hit(request, response, searchParams);
    else if (what === "GET events") this.#stream(response, searchParams.get("counter") ?? "");
    else this.miss(request, response);
  }

  async #hit(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): Promise<void> {
    const payload = await text(request);
    const { mood } = this;
    const status = typeof mood === "number" ? mood : mood === "count" ? 202 : mood === "bot" ? 200 : 0;
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
      const why = mood === "bot" ? { "Hit-Not-Counted": "BOT" } : undefined;
      response.writeHead(status, { ...CORS, ...why, "Content-Type": "application/json" }).end(body);
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
