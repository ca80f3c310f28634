import type { IncomingMessage, ServerResponse } from "node:http";
import { PAGE_CSP, type PageView, pageAssets, renderPage } from "../../../src/http/page/page.js";
import { RestartableServer } from "../restartable-server.js";

/**
 * A server of the page alone, with a counter that the test sets. Requests for anything but the page, its assets and its
 * events are unexpected.
 */
export class PageServer extends RestartableServer {
  view: PageView;
  /** Answers a request for events with 503, as a proxy does during a restart. */
  refusing = false;
  refusals = 0;
  pageLoads = 0;
  readonly #streams = new Set<ServerResponse>();

  constructor(view: PageView) {
    super();
    this.view = view;
  }

  get streams(): number {
    return this.#streams.size;
  }

  protected answer(target: string, request: IncomingMessage, response: ServerResponse): void {
    const asset = pageAssets.get(target);
    if (request.method !== "GET") this.miss(request, response);
    else if (asset !== undefined) response.writeHead(200, { "Content-Type": asset.type }).end(asset.body);
    else if (target === `events?counter=${encodeURIComponent(this.view.counter)}`) this.#stream(response);
    else if (target === "") {
      this.pageLoads++;
      response.writeHead(200, { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": PAGE_CSP });
      response.end(renderPage(this.view));
    } else this.miss(request, response);
  }

  /** Sends a new state to all streams, and uses it for the page from now on. */
  show(view: PageView): void {
    this.view = view;
    for (const stream of this.#streams) stream.write(this.#event());
  }

  /** Ends the streams, as a proxy with a time limit does. */
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
      projected: count === null ? null : count - (pending ?? 0),
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
}
