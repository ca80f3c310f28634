import type { IncomingMessage } from "node:http";
import { isIPv6 } from "node:net";
import proxyAddr from "proxy-addr";

/** Returns the client's address. `hops` proxies are trusted, from this server outwards: each names the one before it. */
export function clientAddress(req: IncomingMessage, hops: number): string {
  if (hops === 0) return req.socket.remoteAddress ?? "";
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

/** Returns the host that the client requested, in lower case, without a default port. */
export function requestedHost(req: IncomingMessage, hops: number): string {
  const forwarded = hops === 0 ? undefined : req.headers["x-forwarded-host"];
  const hosts = (Array.isArray(forwarded) ? forwarded.join() : (forwarded ?? req.headers.host ?? "")).split(",");
  // The last ones were added by the trusted proxies.
  return (hosts[Math.max(0, hosts.length - Math.max(1, hops))] ?? "")
    .trim()
    .toLowerCase()
    .replace(/:(80|443)$/, "");
}
