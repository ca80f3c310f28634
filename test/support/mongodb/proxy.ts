import { createServer, type Server } from "node:net";
import { MongoClient } from "mongodb";
import { ProxyConnection, type Rules } from "./proxy-connection.js";

/** The requests that a mode applies to. */
export interface Filter {
  /** Only these commands ("update", "hello"), upper or lower case. Without it all but those that open a connection. */
  readonly commands?: readonly string[];
  /** Those that open or watch a connection too: then the driver takes the server for unreachable. */
  readonly handshake?: boolean;
}

const HANDSHAKE = ["hello", "ismaster", "saslstart", "saslcontinue"];

interface Mode {
  readonly kind: "pass" | "swallow" | "blackhole" | "hold" | "refuse";
  readonly matches: (command: string) => boolean;
}

const PASS: Mode = { kind: "pass", matches: () => false };

/**
 * A network between a client and a MongoDB server, and what can go wrong in it. It passes everything until told
 * otherwise; a mode replaces the one before, for connections that are open too, and holds until the next.
 * Knows nothing of TLS or compression.
 */
export class MongoProxy {
  /** Without a database. Clients stay on it: they don't move to the address that the server names. */
  readonly url: string;
  readonly #listener: Server;
  readonly #connections = new Set<ProxyConnection>();
  readonly #seen = new Map<string, number>();
  #mode = PASS;
  #delayMs = 0;
  #swallowed = 0;

  private constructor(listener: Server, url: string) {
    this.#listener = listener;
    this.url = url;
  }

  /** Before the server of that URL, or of several in it the primary. Rejects for TLS, an srv address, and no primary. */
  static async open(url: string): Promise<MongoProxy> {
    const address = await addressOf(url);
    const listener = createServer({ noDelay: true });
    await new Promise<void>((resolve, reject) => {
      listener.once("error", reject);
      listener.listen(0, "127.0.0.1", resolve);
    });
    const own = listener.address();
    const port = typeof own === "object" && own !== null ? own.port : 0;
    const proxy = new MongoProxy(listener, proxiedUrl(url, port));
    listener.on("connection", (client) => {
      if (proxy.#mode.kind === "refuse") {
        client.on("error", () => {});
        client.destroy();
        return;
      }
      const closed = () => proxy.#connections.delete(connection);
      const connection = new ProxyConnection(client, address, proxy.#rules(), closed);
      proxy.#connections.add(connection);
    });
    return proxy;
  }

  /** Everything gets through. What is held stays held. */
  pass(): void {
    this.#mode = PASS;
  }

  /** Requests get through, their replies don't: the server did it, and the client can't know. */
  swallowReplies(filter: Filter = {}): void {
    this.#mode = { kind: "swallow", matches: matcher(filter) };
  }

  /** Connections open, and requests are lost on the way: nothing happens, and the client can't know. */
  blackhole(filter: Filter = { handshake: true }): void {
    this.#mode = { kind: "blackhole", matches: matcher(filter) };
  }

  /** Cuts all connections, and closes new ones at once: no server there. */
  refuse(): void {
    this.#mode = { kind: "refuse", matches: () => true };
    this.cut();
  }

  /** Requests wait in the network until `releaseHeld`, also when their client has long given up. */
  holdRequests(filter: Filter = {}): void {
    this.#mode = { kind: "hold", matches: matcher(filter) };
  }

  /** Delivers what is held. Resolves once the server answered. The mode stays: new requests may be held again. */
  async releaseHeld(): Promise<void> {
    await Promise.all([...this.#connections].filter(({ held }) => held > 0).map((connection) => connection.release()));
  }

  /** Drops the held requests: they never arrive. */
  dropHeld(): void {
    for (const connection of this.#connections) connection.dropHeld();
  }

  /** Clients lose their connections. What was on its way still arrives; what is held stays held. */
  cut(): void {
    for (const connection of this.#connections) connection.cut();
  }

  /** Requests take that many milliseconds more, in every mode. */
  delayRequests(ms: number): void {
    this.#delayMs = ms;
  }

  /** Requests held now. */
  get held(): number {
    return [...this.#connections].reduce((sum, { held }) => sum + held, 0);
  }

  /** Replies dropped so far. */
  get swallowed(): number {
    return this.#swallowed;
  }

  /** Returns the number of requests with this command that clients have sent, whatever happened to them. */
  seen(command: string): number {
    return this.#seen.get(command.toLowerCase()) ?? 0;
  }

  /** Ends it and all its connections. */
  async close(): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    await new Promise<void>((resolve) => this.#listener.close(() => resolve()));
  }

  #rules(): Rules {
    const proxy = this;
    return {
      get delayMs() {
        return proxy.#delayMs;
      },
      request(command) {
        const name = command.toLowerCase();
        proxy.#seen.set(name, (proxy.#seen.get(name) ?? 0) + 1);
        const { kind, matches } = proxy.#mode;
        if (!matches(name)) return "forward";
        return kind === "blackhole" ? "drop" : kind === "hold" ? "hold" : "forward";
      },
      dropsReply(command) {
        const { kind, matches } = proxy.#mode;
        return (kind === "swallow" || kind === "blackhole") && matches(command.toLowerCase());
      },
      swallowed() {
        proxy.#swallowed += 1;
      },
    };
  }
}

function matcher({ commands, handshake = false }: Filter): (command: string) => boolean {
  const named = commands?.map((command) => command.toLowerCase());
  return (command) => named?.includes(command) ?? (handshake || !HANDSHAKE.includes(command));
}

/** The one host of that URL, or of several the one that takes writes. */
async function addressOf(url: string): Promise<{ host: string; port: number }> {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 10_000 });
  try {
    const { hosts, tls, srvHost } = client.options;
    if (tls || srvHost !== undefined)
      throw new Error("the proxy can't stand before a server with TLS or an srv address");
    const first = hosts[0];
    if (hosts.length === 1 && first !== undefined)
      return { host: first.host ?? "127.0.0.1", port: first.port ?? 27_017 };
    const primary: unknown = (await client.db("admin").command({ hello: 1 }))["primary"];
    const found = typeof primary === "string" ? /^(.*):(\d+)$/.exec(primary) : null;
    if (found === null) throw new Error("no primary among the hosts of the URL");
    return { host: found[1] ?? "", port: Number(found[2]) };
  } finally {
    await client.close();
  }
}

function proxiedUrl(url: string, port: number): string {
  const [, credentials = "", query = ""] = /^mongodb:\/\/([^@/?]*@)?[^/?]*\/?(?:\?(.*))?$/.exec(url) ?? [];
  const options = new URLSearchParams(query);
  options.set("directConnection", "true");
  return `mongodb://${credentials}127.0.0.1:${port}/?${options}`;
}
