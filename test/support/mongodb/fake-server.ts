import { createServer, type Server, type Socket } from "node:net";
import { BSON, type Document } from "mongodb";
import { FakeData } from "./fake-data.js";
import { WireReader } from "./wire.js";

const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;

export interface Request {
  /** In lower case. */
  readonly command: string;
  readonly body: Document;
  readonly socket: Socket;
}

/** A document; bytes as they are; undefined for silence. */
export type Reply = Document | Buffer | undefined;

/** A test's reply to a request; `normal` does it and returns the reply of a sound server. */
export type Behaviour = (request: Request, normal: () => Document) => Reply | Promise<Reply>;

const SOUND: Behaviour = (_, normal) => normal();

/**
 * A server that speaks as much of MongoDB's protocol as the projection uses, and answers whatever a test wants: for what a
 * real one can't be made to do. Several on the same data are members of one replica set.
 */
export class FakeServer {
  behaviour: Behaviour = SOUND;
  readonly data: FakeData;
  /** The write concerns of all updates. */
  readonly writeConcerns: unknown[] = [];
  /** Further fields of `hello`; `isWritablePrimary: false` for a server that takes no writes. */
  hello: Document = {};
  readonly port: number;
  readonly #listener: Server;
  readonly #sockets = new Set<Socket>();
  readonly #seen = new Map<string, number>();

  private constructor(listener: Server, data: FakeData) {
    this.#listener = listener;
    this.data = data;
    const address = listener.address();
    this.port = typeof address === "object" && address !== null ? address.port : 0;
    listener.on("connection", (socket) => this.#take(socket));
  }

  static async open(data = new FakeData()): Promise<FakeServer> {
    const listener = createServer({ noDelay: true });
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    return new FakeServer(listener, data);
  }

  /** Without a database; clients stay on this server. */
  get url(): string {
    return `mongodb://127.0.0.1:${this.port}/?directConnection=true`;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  seen(command: string): number {
    return this.#seen.get(command) ?? 0;
  }

  /** Ends all connections as a server does that steps down or dies. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Makes the peer of all open connections vanish without a sign: no FIN, no RST, no answer. */
  vanish(): void {
    for (const socket of this.#sockets) socket.removeAllListeners("data").pause();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#listener.close(() => resolve()));
  }

  #take(socket: Socket): void {
    const reader = new WireReader();
    this.#sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("data", (chunk) => {
      for (const { bytes, requestId } of reader.push(chunk)) void this.#answer(socket, bytes, requestId);
    });
  }

  async #answer(socket: Socket, bytes: Buffer, requestId: number): Promise<void> {
    const legacy = bytes.readInt32LE(12) === OP_QUERY;
    const body = legacy ? queryOf(bytes) : messageOf(bytes);
    const command = (Object.keys(body)[0] ?? "").toLowerCase();
    this.#seen.set(command, this.seen(command) + 1);
    if (command === "update") this.writeConcerns.push(body["writeConcern"]);
    const reply = await this.behaviour({ command, body, socket }, () => this.#normal(command, body));
    if (reply === undefined || socket.destroyed) return;
    socket.write(Buffer.isBuffer(reply) ? reply : encode(reply, requestId, legacy));
  }

  #normal(command: string, body: Document): Document {
    const namespace = `${body["$db"]}.${Object.values(body)[0]}`;
    const isPrimary = this.hello["isWritablePrimary"] !== false;
    if (!isPrimary && ["update", "find", "createindexes"].includes(command)) return notPrimary();
    switch (command) {
      case "hello":
      case "ismaster":
        return {
          isWritablePrimary: true,
          ismaster: isPrimary,
          helloOk: true,
          maxBsonObjectSize: 16 * 1024 * 1024,
          maxMessageSizeBytes: 48_000_000,
          maxWriteBatchSize: 100_000,
          localTime: new Date(),
          minWireVersion: 0,
          maxWireVersion: 21,
          logicalSessionTimeoutMinutes: 30,
          ...this.hello,
          ok: 1,
        };
      case "update":
        return this.data.update(namespace, body["updates"] as Document[]);
      case "find":
        return { cursor: { id: 0n, ns: namespace, firstBatch: this.data.find(namespace, body) }, ok: 1 };
      case "createindexes":
      case "endsessions":
      case "ping":
      case "killcursors":
        return { ok: 1 };
      case "connectionstatus":
        return {
          authInfo: { authenticatedUsers: [], authenticatedUserRoles: [], authenticatedUserPrivileges: [] },
          ok: 1,
        };
      default:
        return { ok: 0, code: 59, codeName: "CommandNotFound", errmsg: `no such command: '${command}'` };
    }
  }
}

export function notPrimary(labels: readonly string[] = []): Document {
  const errorLabels = labels.length === 0 ? {} : { errorLabels: labels };
  return { ok: 0, code: 10107, codeName: "NotWritablePrimary", errmsg: "not primary", ...errorLabels };
}

export function encode(reply: Document, responseTo: number, legacy = false): Buffer {
  const document = BSON.serialize(reply);
  const head = Buffer.alloc(legacy ? 36 : 21);
  head.writeInt32LE(head.length + document.length, 0);
  head.writeInt32LE(responseTo, 8);
  head.writeInt32LE(legacy ? OP_REPLY : OP_MSG, 12);
  if (legacy) head.writeInt32LE(1, 32);
  return Buffer.concat([head, document]);
}

/** Flags, a name that ends with a zero, two numbers, the query. */
function queryOf(bytes: Buffer): Document {
  return deserialize(bytes, bytes.indexOf(0, 20) + 9);
}

/** Flags, then sections: the command, or documents of a list of it. */
function messageOf(bytes: Buffer): Document {
  const body: Document = {};
  let at = 20;
  while (at < bytes.length) {
    const kind = bytes[at++];
    const size = bytes.readInt32LE(at);
    if (kind === 0) Object.assign(body, deserialize(bytes, at));
    else {
      const nameEnd = bytes.indexOf(0, at + 4);
      const list: Document[] = [];
      for (let one = nameEnd + 1; one < at + size; one += bytes.readInt32LE(one)) list.push(deserialize(bytes, one));
      body[bytes.toString("utf8", at + 4, nameEnd)] = list;
    }
    at += size;
  }
  return body;
}

function deserialize(bytes: Buffer, at: number): Document {
  return BSON.deserialize(bytes.subarray(at, at + bytes.readInt32LE(at)), { useBigInt64: true });
}
