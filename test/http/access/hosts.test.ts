/** ALLOWED_HOSTS: a page whose name was rebound to this server's address gets nothing and counts nothing. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readConfig } from "../../../src/config.js";
import { type AccessPolicy, OPEN_POLICY } from "../../../src/model/access.js";
import { expectRawProblem, type RawAnswer, type Running, raw, withServer } from "../harness.js";

function withHosts(policy: Partial<AccessPolicy>, body: (running: Running) => Promise<void>): Promise<void> {
  return withServer(body, { policy: { ...OPEN_POLICY, ...policy } });
}

function send(port: number, request: string, host: string, more = ""): Promise<RawAnswer> {
  return raw(port, `${request} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 0\r\n${more}\r\n`);
}

const EVERYWHERE = [
  "/",
  "/status",
  "/metrics",
  "/counters",
  "/counters/a",
  "/events?counter=a",
  "/dashboard/data",
  "/hits.js",
];

test("a foreign host name is refused everywhere but by health checks, and nothing is counted", () =>
  withHosts({ allowedHosts: ["hits.example"], corsOrigins: [] }, async ({ port, services }) => {
    for (const path of EVERYWHERE)
      expectRawProblem(await send(port, `GET ${path}`, "evil.example"), 403, "HOST_NOT_ALLOWED");
    const hits = [
      "POST /hits/home",
      "POST /hits?counter=home",
      "POST /hits",
      "GET /hits/a/pixel.gif",
      "GET /hits/a/badge.svg",
    ];
    for (const request of hits) {
      // The origin is that of the rebound name: it would be the same as the server's.
      const answer = await send(port, request, `evil.example:${port}`, `Origin: http://evil.example:${port}\r\n`);
      assert.match(
        String(expectRawProblem(answer, 403, "HOST_NOT_ALLOWED")["detail"]),
        /"evil\.example".*ALLOWED_HOSTS/,
      );
      assert.is(answer.headers.get("hit-not-counted"), "HOST_NOT_ALLOWED", request);
      assert.is(answer.headers.get("access-control-allow-origin"), undefined);
    }
    assert.equal(services.hits, []);
    assert.is(services.rejected.get("HOST_NOT_ALLOWED"), hits.length + 1, "and the page");
    for (const path of ["/healthz", "/readyz"])
      assert.is((await send(port, `GET ${path}`, "evil.example")).status, 200);
  }));

test("addresses, localhost and the names that are set are allowed, in any spelling, one after another", () =>
  withHosts({ allowedHosts: ["hits.example", "*.hits.example"] }, async ({ port }) => {
    const table: [string, number][] = [
      ["127.0.0.1", 202],
      [`127.0.0.1:${port}`, 202],
      ["192.0.2.7:3000", 202],
      ["[::1]:3000", 202],
      ["[2001:db8::1]", 202],
      ["localhost:3000", 202],
      ["LOCALHOST", 202],
      ["app.localhost", 202],
      ["hits.example", 202],
      ["evil.example", 403],
      ["HITS.Example.:8080", 202],
      ["a.b.hits.example", 202],
      ["hits.example.evil.example", 403],
      ["xhits.example", 403],
      ["127.0.0.1.evil.example", 403],
      ["localhost.evil.example", 403],
      ["notlocalhost", 403],
      ["", 403],
    ];
    for (const [host, status] of table) assert.is((await send(port, "POST /hits/a", host)).status, status, host);
    assert.is((await raw(port, "POST /hits/a HTTP/1.0\r\n\r\n")).status, 202, "a program without a host name");
  }));

test("two Host headers are refused, in whatever case, even if they are the same", () =>
  withServer(async ({ port, services }) => {
    for (const more of ["Host: a.example\r\n", "hOST: localhost\r\n"]) {
      expectRawProblem(await send(port, "POST /hits/a", "localhost", more), 400, "BAD_REQUEST");
    }
    assert.equal(services.hits, []);
    assert.is((await send(port, "POST /hits/a", "localhost", "From: x\r\n")).status, 202);
  }));

test("behind proxies the host is the one that the outermost trusted one names", () =>
  withHosts({ allowedHosts: ["hits.example"], trustProxy: 1 }, async ({ port }) => {
    const forwarded = (host: string) => send(port, "POST /hits/a", "internal", `X-Forwarded-Host: ${host}\r\n`);
    assert.is((await forwarded("hits.example")).status, 202);
    assert.is((await forwarded("evil.example")).status, 403);
    assert.is((await forwarded("hits.example, evil.example")).status, 403);
  }));

test("without the setting, HOST and TRUST_PROXY imply which names are allowed", () => {
  const names = (environment: Record<string, string>) => readConfig(environment).allowedHosts;
  for (const HOST of ["127.0.0.1", "127.0.0.9", "::1", "localhost"]) assert.equal(names({ HOST }), [], HOST);
  assert.equal(names({}), []);
  assert.equal(names({ HOST: "Hits.internal" }), ["hits.internal"]);
  for (const HOST of ["0.0.0.0", "::", "192.0.2.1"]) assert.is(names({ HOST }), "*", HOST);
  assert.is(names({ TRUST_PROXY: "1" }), "*");
  assert.equal(names({ TRUST_PROXY: "1", ALLOWED_HOSTS: "Hits.example., *.example.com" }), [
    "hits.example",
    "*.example.com",
  ]);
  assert.is(names({ ALLOWED_HOSTS: "*" }), "*");
  for (const value of ["https://hits.example", "hits.example:80", "*example.com", ","]) {
    assert.throws(() => names({ ALLOWED_HOSTS: value }), /^ALLOWED_HOSTS=.*: must be/, value);
  }
});

test.run();
