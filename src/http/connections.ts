import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Budgets } from "./access/budgets.js";
import type { Clients } from "./access/clients.js";
import { Connection, type ReadBounds } from "./connection.js";

export interface ConnectionBounds extends ReadBounds {
  /** The interval between checks of time-outs. */
  readonly checkIntervalMs: number;
}

export interface ConnectionsOptions {
  readonly clients: Clients;
  readonly budgets: Budgets;
  readonly bounds: ConnectionBounds;
  /** Handles a request whose turn has come. */
  readonly start: (connection: Connection, res: ServerResponse) => void;
}

/** All open connections, shared fairly among clients. */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #open = new Map<Socket, Connection>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#open.size;
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.#open.values();
  }

  /** Returns the connection of a socket that was admitted and has not closed. */
  get(socket: Socket): Connection | undefined {
    return this.#open.get(socket);
  }

  /** Admits a new connection, maybe instead of another one. Returns undefined if there is no room. */
  admit(socket: Socket): Connection | undefined {
    const { clients, budgets, bounds, start } = this.#options;
    const client = clients.ofConnection(socket);
    const connection = new Connection(socket, { client, share: budgets.answerBytes, start });
    const holding = budgets.connections.take(client, 1, connection);
    if (holding === undefined) return undefined;
    this.#open.set(socket, connection);
    this.#timer ??= setInterval(() => this.#check(), bounds.checkIntervalMs).unref();
    socket.once("close", () => {
      holding.release();
      this.#remove(connection);
    });
    return connection;
  }

  /** One pass over all of them takes a few milliseconds at most. A timer for each answer would cost each hit more. */
  #check(): void {
    const now = performance.now();
    for (const connection of this.#open.values()) connection.check(now, this.#options.bounds);
  }

  #remove(connection: Connection): void {
    connection.release();
    this.#open.delete(connection.socket);
    if (this.#open.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
