import { createHash, randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { isIPv6, type Socket } from "node:net";
import proxyAddr from "proxy-addr";
import { type AccessPolicy, CLIENT_BITS, type Client, type Standing } from "../../model/access.js";
import type { Logger } from "../../model/services.js";
import type { Admin } from "./admin.js";

const SEND_TOKEN = "send ADMIN_TOKEN as a bearer token";

const MAX_KNOWN = 4096;
const MAX_ADDRESS = 64;

/** Tells whose a connection and a request is, for budgets and limits. */
export class Clients {
  readonly #policy: Pick<AccessPolicy, "trustProxy" | "adminToken">;
  readonly #admin: Admin;
  readonly #salt = randomBytes(16);
  readonly #connections = new WeakMap<Socket, Client>();
  /** Keys by address: with a proxy in front, each request has one. */
  readonly #keys = new Map<string, number>();

  readonly #logger: Pick<Logger, "warn">;
  #hasWarned = false;

  constructor(policy: Pick<AccessPolicy, "trustProxy" | "adminToken">, admin: Admin, logger: Pick<Logger, "warn">) {
    this.#policy = policy;
    this.#admin = admin;
    this.#logger = logger;
  }

  /** Returns the client of a connection: its address is that of the proxy where there is one. This machine is `local`. */
  ofConnection(socket: Socket): Client {
    const known = this.#connections.get(socket);
    if (known !== undefined) return known;
    const address = socket.remoteAddress ?? "";
    const client: Client = { key: this.#keyOf(address), standing: isLoopback(address) ? "local" : "stranger" };
    this.#connections.set(socket, client);
    return client;
  }

  /**
   * Returns the client of a request. One from this machine is a stranger's if a token is set, and if a proxy forwarded it:
   * a proxy that TRUST_PROXY does not count makes everybody look local.
   */
  of(req: IncomingMessage): Client {
    const { trustProxy, adminToken } = this.#policy;
    const connection = this.ofConnection(req.socket);
    if (trustProxy === 0 && !this.#hasWarned && !isDirect(req)) this.#warnOfProxy();
    const address = trustProxy > 0 ? clientAddress(req, trustProxy) : undefined;
    const isLocal = address === undefined ? connection.standing === "local" : isLoopback(address);
    const key = address === undefined ? connection.key : this.#keyOf(address);
    const standing = this.#standing(req, key, isLocal && adminToken === undefined && isDirect(req));
    return address === undefined && standing === connection.standing ? connection : { key, standing };
  }

  /** Throws for a request without the token, if one is set: `UNAUTHORIZED`, or `RATE_LIMITED` after too many wrong ones. */
  requireOperator(req: IncomingMessage, res: ServerResponse): void {
    if (this.#admin.isSet) this.requireToken(this.of(req), req, res);
  }

  /** Throws as `requireOperator` does, unless the client is the operator. `need`: what needs the token, and what to do. */
  requireToken({ key, standing }: Client, req: IncomingMessage, res: ServerResponse, need = SEND_TOKEN): void {
    if (standing !== "operator") throw this.#admin.refusal(req, res, key, need);
  }

  #warnOfProxy(): void {
    this.#hasWarned = true;
    this.#logger.warn(
      {},
      "a request came through a proxy, and TRUST_PROXY is 0: set TRUST_PROXY to the number of proxies in front, or all their " +
        "clients share the limits of one",
    );
  }

  #standing(req: IncomingMessage, key: number, isLocal: boolean): Standing {
    if (req.headers.authorization !== undefined && this.#admin.isBearer(req, key)) return "operator";
    return isLocal ? "local" : "stranger";
  }

  #keyOf(address: string): number {
    const known = this.#keys.get(address);
    if (known !== undefined) return known;
    const hash = createHash("sha256").update(this.#salt).update(networkOf(address)).digest();
    const key = hash.readUInt32LE(0) >>> (32 - CLIENT_BITS);
    if (this.#keys.size >= MAX_KNOWN) this.#keys.clear();
    // A copy: an address in a header would keep all of the header in memory.
    if (address.length <= MAX_ADDRESS) this.#keys.set(Buffer.from(address, "latin1").toString("latin1"), key);
    return key;
  }
}

/** Returns true for an address of this machine itself. */
function isLoopback(address: string): boolean {
  return /^(::ffff:)?127\.|^::1$/i.test(address);
}

/** Returns true if no proxy has said that it forwards the request. */
function isDirect({ headers }: IncomingMessage): boolean {
  return headers["x-forwarded-for"] === undefined && headers["forwarded"] === undefined;
}

/** Returns the client's address. `hops` proxies are trusted, from this server outwards: each names the one before it. */
function clientAddress(req: IncomingMessage, hops: number): string {
  return proxyAddr(req, (_, hop) => hop < hops);
}

/**
 * Returns the network by which clients are distinguished: an IPv4 address, or the first 64 bits of an IPv6 address, since
 * a client that has one such address has all 2^64 of them.
 */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [left = "", right] = (address.split("%", 1)[0] ?? "").toLowerCase().split("::");
  const head = left === "" ? [] : left.split(":");
  const tail = right === undefined || right === "" ? [] : right.split(":");
  const zeros = right === undefined ? 0 : Math.max(0, 8 - head.length - tail.length);
  const groups = [...head, ...Array<string>(zeros).fill("0"), ...tail];
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":");
}
