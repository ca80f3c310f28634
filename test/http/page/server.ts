import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { PAGE_CSP, type PageView, pageAssets, renderPage } from "../../../src/http/page/page.js";

/** A server of the page and nothing else, whose counter is what the test says. Under a path prefix, as behind a proxy. */
export class PageServer {
  /** What was asked for that the page has no business with: anything but the page, its assets and its events. */
  readonly unexpected: string[] = [];
  view: PageView;
  /** Answers a request for events with 503, as a proxy does during a restart. */
  refusing = false;
  refusals = 0;
  pageLoads = 0;
  readonly #streams = new Set<ServerResponse>();
  #server: Server | undefined;
  #port = 0;

  constructor(view: PageView) {
    this.view = view;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/counted/`;
  }

  get streams(): number {
    return this.#streams.size;
  }

  /** Listens; again on the same port after `stop`. */
  async start(): Promise<void> {
    this.#server = createServer((request, response) => {
      const path = (request.url ?? "").replace(/^\/counted\//, "");
      const asset = pageAssets.get(path);
      if (request.method !== "GET") this.#miss(`${request.method} ${path}`, response);
      else if (asset !== undefined) response.writeHead(200, { "Content-Type": asset.type }).end(asset.body);
      else if (path === `events?counter=${encodeURIComponent(this.view.counter)}`) this.#stream(response);
      else if (path === "") {
        this.pageLoads++;
        response.writeHead(200, { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": PAGE_CSP });
        response.end(renderPage(this.view));
      } else this.#miss(path, response);
    });
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

  /** Shows a new state to everyone who listens, and to who loads the page from now on. */
  show(view: PageView): void {
    this.view = view;
    for (const stream of this.#streams) stream.write(this.#event());
  }

  /** Ends the streams, as a proxy does that has a time limit. */
  cut(): void {
    for (const stream of this.#streams) stream.end();
  }

  #stream(response: ServerResponse): void {
    if (this.refusing) {
      this.refusals++;
      response.writeHead(503).end();
      return;
    }
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    response.write(`: hello\n\n${this.#event()}`);
    this.#streams.add(response);
    response.on("close", () => this.#streams.delete(response));
  }

  #event(): string {
    const { counter, count, pending, incomplete, projections } = this.view;
    const data = {
      counter,
      count,
      projected: count === null ? null : count - pending,
      pending: count === null ? null : pending,
      asOf: new Date().toISOString(),
      ...(incomplete ? { incomplete } : {}),
      projections: projections.map(({ name, state, since, lag, lastError }) => ({
        name,
        state,
        since,
        lag,
        lastError,
      })),
    };
    return `event: counter\ndata: ${JSON.stringify(data)}\n\n`;
  }

  #miss(what: string, response: ServerResponse): void {
    this.unexpected.push(what);
    response.writeHead(404).end();
  }
}
