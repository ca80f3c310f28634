import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const PREFIX = "/counted/";

/** A server in this process under a path prefix, as with a proxy, that can stop and restart at the same address. */
export abstract class RestartableServer {
  /** Requests that a test does not expect. */
  readonly unexpected: string[] = [];
  #server: Server | undefined;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}${PREFIX}`;
  }

  /** Listens; again on the same port after `stop`. */
  async start(): Promise<void> {
    this.#server = createServer((request, response) => {
      const url = request.url ?? "";
      if (url.startsWith(PREFIX)) this.answer(url.slice(PREFIX.length), request, response);
      else this.miss(request, response);
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

  /** Answers a request; `target` is relative to the prefix. */
  protected abstract answer(target: string, request: IncomingMessage, response: ServerResponse): void;

  protected miss(request: IncomingMessage, response: ServerResponse): void {
    this.unexpected.push(`${request.method} ${request.url}`);
    response.writeHead(404).end();
  }
}
