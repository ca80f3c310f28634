/** The configuration of nginx, with a real nginx in front of a real HTTP server. */
import { request } from "node:http";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { OPEN_POLICY } from "../../src/model/access.js";
import { type Bounds, expectProblem, expectRawProblem, type Running, raw, withServer } from "../http/harness.js";
import { hasNginx, Nginx } from "./nginx.js";

const mayRun = hasNginx();
if (!mayRun) console.log("SKIP nginx in front of a server: it is not on the PATH");
const withNginx = mayRun ? test : test.skip;

const EIGHT_MIB = 8 * 1024 * 1024;

type Proxied = Running & { readonly proxy: string; readonly proxyPort: number };

async function proxied(body: (running: Proxied) => Promise<void>, bounds: Bounds = {}, rate?: string): Promise<void> {
  await withServer(async (running) => {
    const nginx = await Nginx.before(running.port, rate);
    try {
      await body({ ...running, proxy: `http://127.0.0.1:${nginx.port}`, proxyPort: nginx.port });
    } finally {
      await nginx.stop();
    }
  }, bounds);
}

/** The status of a hit that comes from an address of this machine. */
function hitFrom(localAddress: string, port: number, headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, path: "/hits/a", method: "POST", localAddress, headers, agent: false };
    request(options, (response) => {
      response.resume().once("end", () => resolve(response.statusCode ?? 0));
    })
      .once("error", reject)
      .end();
  });
}

withNginx("names go through as they were sent: slashes, percent signs, what a proxy likes to put right", () =>
  proxied(async ({ proxy, proxyPort, services }) => {
    for (const target of ["%2Fblog%2Fpost", "%2F%2F", "a%252Fb", "..%2F", "%C3%A9", "a+b", "%2e%2E%2f"]) {
      assert.is((await raw(proxyPort, `POST /hits/${target} HTTP/1.1\r\nHost: x\r\n\r\n`)).status, 202, target);
    }
    assert.is((await fetch(`${proxy}/hits?counter=a%2Fb%26c`, { method: "POST" })).status, 202);
    assert.equal(
      services.hits.map(({ counter }) => counter),
      ["/blog/post", "//", "a%2Fb", "../", "é", "a+b", "../", "a/b&c"],
    );
  }),
);

withNginx("each client is its own address, whatever it claims to be", () =>
  proxied(
    async ({ proxyPort }) => {
      assert.is(await hitFrom("127.0.0.2", proxyPort), 202);
      assert.is(await hitFrom("127.0.0.3", proxyPort), 202);
      assert.is(await hitFrom("127.0.0.2", proxyPort), 429);
      assert.is(await hitFrom("127.0.0.2", proxyPort, { "X-Forwarded-For": "10.0.0.1" }), 429);
    },
    { policy: { ...OPEN_POLICY, trustProxy: 1, rateLimit: { hits: 1, seconds: 3600 } } },
  ),
);

withNginx("the host is the one that was asked, whatever a client claims", () =>
  proxied(
    async ({ proxyPort }) => {
      const hit = (host: string, forwarded: string) =>
        raw(
          proxyPort,
          `POST /hits/a HTTP/1.1\r\nHost: ${host}\r\nX-Forwarded-Host: ${forwarded}\r\nOrigin: https://own.example\r\n\r\n`,
        );
      assert.is((await hit("own.example", "other.example")).status, 202);
      expectRawProblem(await hit("other.example", "own.example"), 403, "ORIGIN_NOT_ALLOWED");
    },
    { policy: { ...OPEN_POLICY, trustProxy: 1, corsOrigins: [] } },
  ),
);

withNginx("event streams arrive event by event, while they are open", () =>
  proxied(async ({ proxy, services }) => {
    const stop = new AbortController();
    const response = await fetch(`${proxy}/events?counter=a`, { signal: stop.signal });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    const until = async (mark: string) => {
      while (!text.includes(mark)) {
        const read = await reader?.read();
        if (read?.done !== false) throw new Error(`ended after: ${text}`);
        text += read.value;
      }
    };
    const late = setTimeout(() => stop.abort(), 10_000);
    await until('"count":0');
    await services.record({ counter: "a", n: 1 });
    await until('"count":1');
    clearTimeout(late);
    stop.abort();
  }),
);

withNginx("bodies: 8 MiB get to the server, a byte more is refused as the server would", () =>
  proxied(async ({ proxy, proxyPort }) => {
    const blank = Buffer.alloc(EIGHT_MIB, "\n");
    const headers = { "Content-Type": "application/x-ndjson" };
    const full = await fetch(`${proxy}/hits`, { method: "POST", headers, body: blank });
    await expectProblem(full, 400, "INVALID_BODY");
    const head = `POST /hits HTTP/1.1\r\nHost: x\r\nContent-Length: ${EIGHT_MIB + 1}\r\nContent-Type: application/x-ndjson\r\n`;
    const over = await raw(proxyPort, `${head}X-Request-Id: mine\r\n\r\n`);
    const { status, code, detail } = JSON.parse(over.body) as Record<string, unknown>;
    assert.equal([over.status, status, code], [413, 413, "BODY_TOO_LARGE"]);
    assert.is(detail, "the body is larger than 8192 KiB");
    assert.is(over.headers.get("content-type"), "application/problem+json");
    assert.is(over.headers.get("x-request-id"), "mine");
  }),
);

withNginx(
  "a client that sends too much is refused as the server would; other clients, and its other requests, are not",
  () =>
    proxied(
      async ({ proxyPort, services }) => {
        const statuses = new Map<number, number>();
        for (let i = 0; i < 210; i++) {
          const status = await hitFrom("127.0.0.2", proxyPort);
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        }
        // The burst and one; with a rate of one a minute no time of this test adds another.
        assert.equal(
          [...statuses],
          [
            [202, 201],
            [429, 9],
          ],
        );
        assert.is(services.hits.length, 201);
        assert.is(await hitFrom("127.0.0.3", proxyPort), 202);
        for (let i = 0; i < 201; i++) await hitFrom("127.0.0.1", proxyPort);
        const refused = await raw(
          proxyPort,
          "POST /hits/a HTTP/1.1\r\nHost: x\r\nX-Request-Id: mine\r\nContent-Length: 0\r\n\r\n",
        );
        const { status, code } = JSON.parse(refused.body) as Record<string, unknown>;
        assert.equal([refused.status, status, code], [429, 429, "RATE_LIMITED"]);
        assert.is(refused.headers.get("retry-after"), "1");
        assert.is(refused.headers.get("x-request-id"), "mine");
        assert.is((await fetch(`http://127.0.0.1:${proxyPort}/counters/a`)).status, 200);
      },
      {},
      "1r/m",
    ),
);

withNginx("request ids: the client's, where it is sane, else one of nginx", () =>
  proxied(async ({ proxy }) => {
    const idOf = async (headers: Record<string, string>) =>
      (await fetch(`${proxy}/hits/a`, { method: "POST", headers })).headers.get("x-request-id") ?? "";
    assert.is(await idOf({ "X-Request-Id": "mine" }), "mine");
    assert.match(await idOf({}), /^[\da-f]{32}$/);
    assert.match(await idOf({ "X-Request-Id": "not sane" }), /^[\da-f]{32}$/);
  }),
);

test.run();
