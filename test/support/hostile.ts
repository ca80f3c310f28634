/** Loads that hostile clients put on a server. Each was seen to take a server down, or to take from others what they need. */
import { Agent, request } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** One load, on a server that was started with its `environment`. */
export interface HostileLoad {
  readonly name: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Puts the load on the server; resolves once it is over, at the latest soon after `signal` is aborted. */
  run(url: string, signal: AbortSignal): Promise<void>;
}

const BULK_BYTES = 8 * 1024 * 1024;
const NDJSON = "application/x-ndjson";

export const hostileLoads: readonly HostileLoad[] = [
  {
    name: "answers never read",
    environment: {},
    run: async (url, signal) => {
      await bulk(
        url,
        linesOf(1000, (i) => `{"counter":"${"x".repeat(500)}${i}"}`),
        NDJSON,
      );
      const line = "GET /counters?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n";
      const pipelined = line.repeat(Math.ceil((64 * 1024) / line.length));
      await holdOpen(url, 4, signal, (socket) => {
        socket.pause();
        socket.write(pipelined);
      });
    },
  },
  {
    name: "globs against slashes",
    environment: { COUNTERS_ALLOW: "home,probe,/docs/*/*/*.html" },
    run: repeated((url) =>
      bulk(
        url,
        linesOf(100, (i) => `{"counter":"/docs${"/".repeat(900)}${i}"}`),
        NDJSON,
      ),
    ),
  },
  { name: "lines that are not JSON", environment: {}, run: repeated((url) => bulk(url, fill("x\n"), NDJSON)) },
  {
    name: "names over the bound",
    environment: {},
    run: repeated((url) => bulk(url, fill(`{"counter":"${"n".repeat(1025)}"}\n`), NDJSON)),
  },
  {
    name: "new names",
    environment: {},
    run: repeated(
      (url, round) =>
        bulk(
          url,
          fill((i) => `{"counter":"${round.toString(36)}.${i}"}\n`),
          NDJSON,
        ),
      2,
    ),
  },
  {
    name: "new ids",
    environment: {},
    run: repeated(
      (url, round) =>
        bulk(
          url,
          fill((i) => `{"counter":"home","id":"${round}.${i}"}\n`),
          NDJSON,
        ),
      3,
    ),
  },
  {
    name: "hits dated back",
    environment: {},
    run: repeated((url, round) => {
      const first = Date.UTC(2000, 0, 1) + round * 86_400_000 * 1000;
      return bulk(
        url,
        fill((i) => `{"counter":"home","at":${first + (i % 9000) * 86_400_000}}\n`),
        NDJSON,
      );
    }, 3),
  },
  {
    name: "arrays of empty objects",
    environment: {},
    run: repeated((url) => atOnce(16, () => bulk(url, `[${"{},".repeat(BULK_BYTES / 3 - 2)}{}]`, "application/json"))),
  },
  {
    name: "plain bulks at once",
    environment: {},
    run: repeated((url) => atOnce(16, () => bulk(url, fill(`{"counter":"home"}\n`), NDJSON))),
  },
  {
    name: "bodies announced and not sent",
    environment: {},
    run: (url, signal) =>
      holdOpen(url, 16, signal, (socket) => {
        const head = `POST /hits HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${NDJSON}\r\nContent-Length: ${BULK_BYTES}\r\n\r\n`;
        socket.write(`${head}{`);
      }),
  },
  {
    name: "event streams",
    environment: {},
    run: (url, signal) =>
      holdOpen(url, 1000, signal, (socket, i) => {
        socket.write(`GET /events?counter=c${i} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
        socket.resume();
      }),
  },
  { name: "idle connections", environment: {}, run: (url, signal) => holdOpen(url, 10_000, signal, () => undefined) },
];

/** As many bytes of a line as a bulk request may have. */
function fill(line: string | ((index: number) => string)): string {
  if (typeof line === "string") return line.repeat(Math.floor(BULK_BYTES / line.length));
  const lines: string[] = [];
  let bytes = 0;
  for (let i = 0; ; i++) {
    const next = line(i);
    bytes += next.length;
    if (bytes > BULK_BYTES) return lines.join("");
    lines.push(next);
  }
}

function linesOf(count: number, line: (index: number) => string): string {
  return Array.from({ length: count }, (_, i) => `${line(i)}\n`).join("");
}

/** Sends one request after another, at most `most`, until the signal is aborted. */
function repeated(send: (url: string, round: number) => Promise<unknown>, most = Number.POSITIVE_INFINITY) {
  return async (url: string, signal: AbortSignal) => {
    for (let round = 0; round < most && !signal.aborted; round++) await send(url, round);
  };
}

async function atOnce(count: number, send: () => Promise<unknown>): Promise<void> {
  await Promise.all(Array.from({ length: count }, send));
}

/** Resolves to the answer's status; 0 where the connection was broken. */
export function bulk(url: string, body: string, type: string): Promise<number> {
  return new Promise((resolve) => {
    const headers = { "content-type": type, "content-length": Buffer.byteLength(body) };
    const req = request(`${url}/hits`, { method: "POST", headers, agent: new Agent() }, (res) => {
      res.resume().once("close", () => resolve(res.statusCode ?? 0));
    });
    req.once("error", () => resolve(0));
    req.end(body);
  });
}

async function holdOpen(
  url: string,
  count: number,
  signal: AbortSignal,
  use: (socket: Socket, index: number) => void,
): Promise<void> {
  const { hostname, port } = new URL(url);
  const sockets = Array.from({ length: count }, (_, i) => {
    const socket = connect(Number(port), hostname);
    socket.on("error", () => undefined);
    socket.once("connect", () => use(socket, i));
    return socket;
  });
  await sleep(60_000, undefined, { signal }).catch(() => undefined);
  for (const socket of sockets) socket.destroy();
}
