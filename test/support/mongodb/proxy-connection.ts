import { connect, type Socket } from "node:net";
import { type WireMessage, WireReader } from "./wire.js";

/** The proxy's decisions for its connections, made for each message. */
export interface Rules {
  readonly delayMs: number;
  /** Decides what happens to a request. */
  request(command: string): "forward" | "drop" | "hold";
  /** Decides whether the reply to a request is dropped. */
  dropsReply(command: string): boolean;
  /** A reply was dropped. */
  swallowed(): void;
}

interface Pending {
  readonly command: string;
  readonly swallow: boolean;
}

/** One client of the proxy and its connection to the server. */
export class ProxyConnection {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #rules: Rules;
  /** Requests that the server has and didn't answer yet, by their id. */
  readonly #pending = new Map<number, Pending>();
  #held: WireMessage[] = [];
  #delayed = 0;
  #sending: Promise<void> = Promise.resolve();
  #idle: (() => void)[] = [];

  /** `closed` is called once nothing of it is left: a held request outlives its client. */
  constructor(client: Socket, address: { host: string; port: number }, rules: Rules, closed: () => void) {
    this.#client = client;
    this.#rules = rules;
    this.#server = connect({ ...address, noDelay: true });
    const requests = new WireReader();
    const replies = new WireReader();
    client.on("data", (chunk) => this.#each(requests, chunk, (message) => this.#request(message)));
    this.#server.on("data", (chunk) => this.#each(replies, chunk, (message) => this.#reply(message)));
    // Both always close after an error.
    client.on("error", () => {});
    this.#server.on("error", () => {});
    client.on("close", () => this.#settle());
    this.#server.on("close", () => {
      client.destroy();
      this.#held = [];
      this.#pending.clear();
      this.#settle();
      closed();
    });
  }

  get held(): number {
    return this.#held.length;
  }

  /** Cuts the client off. What is held, or under way to the server, still reaches it. */
  cut(): void {
    this.#client.destroy();
  }

  destroy(): void {
    this.#client.destroy();
    this.#server.destroy();
  }

  dropHeld(): void {
    this.#held = [];
    this.#settle();
  }

  /** Resolves once the server answered them all, or its connection is gone. */
  async release(): Promise<void> {
    const held = this.#held;
    this.#held = [];
    for (const message of held) this.#send(message);
    if (this.#busy) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #each(reader: WireReader, chunk: Buffer, handle: (message: WireMessage) => void): void {
    let messages: WireMessage[];
    try {
      messages = reader.push(chunk);
    } catch {
      this.destroy();
      return;
    }
    for (const message of messages) handle(message);
  }

  #request(message: WireMessage): void {
    const decision = this.#rules.request(message.command ?? "");
    if (decision === "drop") return;
    // What comes after a held one on the same connection can't overtake it.
    if (decision === "hold" || this.#held.length > 0) this.#held.push(message);
    else this.#send(message);
  }

  #send(message: WireMessage): void {
    const { delayMs } = this.#rules;
    if (delayMs === 0 && this.#delayed === 0) {
      this.#write(message);
      return;
    }
    this.#delayed += 1;
    const due = new Promise((resolve) => setTimeout(resolve, delayMs));
    this.#sending = this.#sending
      .then(() => due)
      .then(() => {
        this.#delayed -= 1;
        this.#write(message);
        this.#settle();
      });
  }

  #write(message: WireMessage): void {
    if (this.#server.destroyed) return;
    const command = message.command ?? "";
    const swallow = this.#rules.dropsReply(command);
    if (!message.moreToCome) this.#pending.set(message.requestId, { command, swallow });
    this.#server.write(message.bytes);
  }

  #reply(message: WireMessage): void {
    const pending = this.#pending.get(message.responseTo);
    this.#pending.delete(message.responseTo);
    // The next reply names this one instead of a request.
    if (pending !== undefined && message.moreToCome) this.#pending.set(message.requestId, pending);
    const command = pending?.command ?? "";
    if (pending?.swallow === true || this.#rules.dropsReply(command)) this.#rules.swallowed();
    else if (!this.#client.destroyed) this.#client.write(message.bytes);
    this.#settle();
  }

  get #busy(): boolean {
    if (this.#server.destroyed) return false;
    return this.#held.length > 0 || this.#delayed > 0 || [...this.#pending.values()].some(endsByItself);
  }

  /** Lets go of the server once the client is gone and nothing is under way: a server may stop a command whose client left. */
  #settle(): void {
    if (this.#busy) return;
    for (const resolve of this.#idle) resolve();
    this.#idle = [];
    if (this.#client.destroyed) this.#server.destroy();
  }
}

/** A server's stream of status messages lasts as long as the connection. */
function endsByItself({ command }: Pending): boolean {
  return !["hello", "ismaster"].includes(command.toLowerCase());
}
