import { test } from "uvu";
import * as assert from "uvu/assert";
import { HitsError } from "../../src/errors.js";
import { EMBED_CSP } from "../../src/http/script/embed.js";
import { buildHitsScript } from "../../src/http/script/script.js";
import { expectProblem, expectRawProblem, raw, rawRequest, withServer } from "./harness.js";

test("a counter, by path and by query, counts nothing", () =>
  withServer(async ({ url, port, services }) => {
    services.hits.push({ counter: "/a b", n: 7 });
    for (const path of ["/counters/%2Fa%20b", "/counters?name=/a+b"]) {
      const response = await fetch(url + path);
      assert.is(response.status, 200);
      assert.is(response.headers.get("content-type"), "application/json; charset=utf-8");
      assert.is(response.headers.get("cache-control"), "no-store");
      assert.is(response.headers.get("x-content-type-options"), "nosniff");
      const { asOf, ...rest } = (await response.json()) as { asOf: string };
      assert.equal(rest, { counter: "/a b", count: 7, projected: 7, pending: 0 });
      assert.not(Number.isNaN(Date.parse(asOf)));
    }
    const unseen = (await (await fetch(`${url}/counters/never`)).json()) as { count: number };
    assert.is(unseen.count, 0);
    services.incomplete = true;
    assert.is(((await (await fetch(`${url}/counters/x`)).json()) as { incomplete?: true }).incomplete, true);
    for (const name of ["", ".", "..", "%2e", "%E0%A4%A", "%ED%A0%80", "a%00", "x".repeat(1025)]) {
      expectRawProblem(await rawRequest(port, "GET", `/counters/${name}`), 400, "INVALID_COUNTER");
      expectRawProblem(await rawRequest(port, "GET", `/counters?name=${name}`), 400, "INVALID_COUNTER");
    }
    await expectProblem(await fetch(`${url}/counters?name=a&name=b`), 400, "INVALID_QUERY");
    assert.is(services.hits.length, 1);
    services.halted = true;
    for (const path of ["/counters/a", "/counters?name=a", "/counters"]) {
      const problem = await expectProblem(await fetch(url + path), 503, "PROJECTION_HALTED");
      assert.not.match(JSON.stringify(problem), "secret");
    }
  }));

test("the list of counters, in pages", () =>
  withServer(async ({ url, services }) => {
    for (let i = 0; i < 150; i++) services.hits.push({ counter: `a/${String(i).padStart(3, "0")}`, n: 1 });
    services.hits.push({ counter: "b", n: 1 });
    const list = async (query: string) => {
      const response = await fetch(`${url}/counters${query}`);
      assert.is(response.status, 200);
      return (await response.json()) as { counters: { counter: string }[]; next: string | null };
    };
    const first = await list("");
    assert.is(first.counters.length, 100);
    assert.is(first.next, "a/099");
    const second = await list(`?after=${encodeURIComponent("a/099")}&prefix=a%2F&limit=1000`);
    assert.is(second.counters[0]?.counter, "a/100");
    assert.is(second.counters.length, 50);
    assert.is(second.next, null);
    assert.equal((await list("?limit=1&prefix=b&after=")).counters.length, 1);
    for (const limit of ["0", "1001", "1.5", "-1", "", "ten", "1e2", "%zz", "5&limit=5"]) {
      await expectProblem(await fetch(`${url}/counters?limit=${limit}`), 400, "INVALID_QUERY");
    }
    await expectProblem(await fetch(`${url}/counters?prefix=%FF`), 400, "INVALID_QUERY");
    await expectProblem(await fetch(`${url}/counters?after=%FF`), 400, "INVALID_QUERY");
  }));

test("status, health and readiness", () =>
  withServer(async ({ url, services }) => {
    assert.equal(await (await fetch(`${url}/status`)).json(), services.status.read());
    assert.is(await (await fetch(`${url}/healthz`)).text(), '{"status":"ok"}');
    assert.is((await fetch(`${url}/readyz`)).status, 200);
    services.failure = new HitsError("DISK_FULL", "no room in /secret/dir");
    const problem = await expectProblem(await fetch(`${url}/readyz`), 503, "DISK_FULL");
    assert.not.match(JSON.stringify(problem), "secret");
    assert.is((await fetch(`${url}/healthz`)).status, 200);
  }));

test("HEAD is answered like GET, without a body, and counts nothing", () =>
  withServer(async ({ url, port, services }) => {
    const paths = ["/", "/counters/a", "/counters?name=a", "/counters", "/status", "/healthz", "/readyz", "/page.css"];
    for (const path of [...paths, "/page.js", "/events?counter=a"]) {
      const response = await fetch(url + path, { method: "HEAD" });
      assert.is(response.status, 200, path);
      assert.is(await response.text(), "");
      assert.match(response.headers.get("cache-control") ?? "", /^no-store/);
    }
    const head = await rawRequest(port, "HEAD", "/healthz");
    assert.is(head.headers.get("content-length"), "15");
    assert.is((await rawRequest(port, "HEAD", "/hits/a")).status, 405);
    assert.is((await rawRequest(port, "HEAD", "/nowhere")).status, 404);
    assert.equal(services.hits, []);
  }));

test("unknown paths", () =>
  withServer(async ({ port }) => {
    const paths = [
      "/nowhere",
      "/counters/a/b",
      "/counters/a/",
      "/status/",
      "/Status",
      "//",
      "/hits/a/b",
      "/page.css/",
      "*",
    ];
    for (const path of paths) expectRawProblem(await rawRequest(port, "GET", path), 404, "NOT_FOUND");
    const slash = expectRawProblem(await rawRequest(port, "GET", "/counters//blog"), 404, "NOT_FOUND");
    assert.match(String(slash["detail"]), "%2F");
  }));

test("methods that a path does not support", () =>
  withServer(async ({ port, services }) => {
    const wrong: [string, string, string][] = [
      ["GET", "/hits/a", "POST, OPTIONS"],
      ["HEAD", "/hits/a", "POST, OPTIONS"],
      ["GET", "/hits/", "POST, OPTIONS"],
      ["GET", "/hits", "POST, OPTIONS"],
      ["PUT", "/hits/a", "POST, OPTIONS"],
      ["DELETE", "/counters/a", "HEAD, GET, OPTIONS"],
      ["POST", "/counters/a", "HEAD, GET, OPTIONS"],
      ["PATCH", "/counters", "HEAD, GET, OPTIONS"],
      ["POST", "/", "HEAD, GET, OPTIONS"],
      ["PROPFIND", "/status", "HEAD, GET, OPTIONS"],
      ["INVENTED", "/status", "GET, HEAD, POST, OPTIONS"],
      ["CONNECT", "/status", "GET, HEAD, POST, OPTIONS"],
    ];
    for (const [method, path, allow] of wrong) {
      const answer = await rawRequest(port, method, path);
      assert.is(`${method} ${path} ${answer.status} ${answer.headers.get("allow")}`, `${method} ${path} 405 ${allow}`);
      if (method !== "HEAD") expectRawProblem(answer, 405, "METHOD_NOT_ALLOWED");
    }
    const response = await fetch(`http://127.0.0.1:${port}/hits/a`, { method: "OPTIONS" });
    assert.is(`${response.status} ${response.headers.get("allow")}`, "204 POST, OPTIONS");
    assert.equal(services.hits, []);
  }));

test("the page counts a hit of home if the request is a view", () =>
  withServer(async ({ url, services }) => {
    const response = await fetch(`${url}/`);
    assert.is(response.status, 200);
    assert.is(response.headers.get("content-type"), "text/html; charset=utf-8");
    assert.match(response.headers.get("content-security-policy") ?? "", "default-src 'none'");
    assert.is(response.headers.get("referrer-policy"), "no-referrer");
    assert.is(response.headers.get("x-content-type-options"), "nosniff");
    assert.is(response.headers.get("cache-control"), "no-store");
    assert.match(await response.text(), /<html/);
    assert.equal(services.hits, [{ counter: "home", n: 1 }]);
    assert.is(response.headers.get("hit-not-counted"), null);
    const passive = async (path: string, reason: string, init: RequestInit = {}) => {
      const { status, headers } = await fetch(url + path, init);
      assert.is(`${status} ${headers.get("hit-not-counted")}`, `200 ${reason}`);
    };
    for (const path of ["/?peek", "/?x=1&peek=1"]) await passive(path, "PEEK");
    await passive("/", "HEAD", { method: "HEAD" });
    const prefetches = [
      { "sec-purpose": "prefetch" },
      { "sec-purpose": "prefetch;prerender" },
      { purpose: "prefetch" },
      { "x-moz": "prefetch" },
    ];
    for (const headers of prefetches) await passive("/", "PREFETCH", { headers });
    assert.is(services.hits.length, 1);
    assert.equal(
      [...services.notCounted],
      [
        ["PEEK", 2],
        ["HEAD", 1],
        ["PREFETCH", prefetches.length],
      ],
    );
    await fetch(`${url}/?utm=x`, { headers: { purpose: "look" } });
    assert.is(services.hits.length, 2);
  }));

test("the page is sent when its hit is refused, and while the counts are unknown", () =>
  withServer(async ({ url, services, logger }) => {
    services.failure = new HitsError("DISK_FULL", "secret");
    const refused = await fetch(`${url}/`);
    assert.is(refused.status, 200);
    assert.is(refused.headers.get("hit-not-counted"), "DISK_FULL");
    const html = await refused.text();
    assert.match(html, "DISK_FULL");
    assert.not.match(html, "secret");
    services.failure = new Error("secret");
    const failed = await fetch(`${url}/`);
    assert.is(failed.status, 200);
    assert.is(failed.headers.get("hit-not-counted"), null);
    assert.is(failed.headers.get("hit-unknown"), "INTERNAL");
    assert.equal(
      [...services.rejected],
      [
        ["DISK_FULL", 1],
        ["INTERNAL", 1],
      ],
    );
    assert.not.match(await failed.text(), "secret");
    const requestId = failed.headers.get("x-request-id");
    assert.equal(logger.lines.pop()?.fields, { err: services.failure, requestId });
    services.failure = undefined;
    services.halted = true;
    assert.is((await fetch(`${url}/`)).status, 200);
    assert.equal(services.hits, [{ counter: "home", n: 1 }]);
  }));

test("the assets of pages", () =>
  withServer(async ({ url }) => {
    for (const [path, type] of [
      ["/page.css", /^text\/css/],
      ["/page.js", /^text\/javascript/],
      ["/embed.css", /^text\/css/],
      ["/embed.js", /^text\/javascript/],
    ] as const) {
      const response = await fetch(url + path);
      assert.is(response.status, 200);
      assert.match(response.headers.get("content-type") ?? "", type);
      assert.ok((await response.text()).length > 100);
    }
  }));

test("the page that shows what to paste", () =>
  withServer(async ({ url, services }) => {
    const response = await fetch(`${url}/embed`);
    assert.is(response.status, 200);
    assert.is(response.headers.get("content-type"), "text/html; charset=utf-8");
    assert.is(response.headers.get("content-security-policy"), EMBED_CSP);
    assert.is(response.headers.get("referrer-policy"), "no-referrer");
    assert.is(response.headers.get("cache-control"), "no-store");
    const html = await response.text();
    assert.match(html, "hits.js");
    assert.match(html, "23 hours");
    assert.equal(services.hits, []);
  }));

test("unsent hits are kept for less time than ids are remembered", () =>
  withServer(
    async ({ url }) => {
      assert.match(await (await fetch(`${url}/hits.js`)).text(), `Date.now() - ${23 * 1_800_000})`);
      assert.match(await (await fetch(`${url}/embed`)).text(), "12 hours");
    },
    { idempotencyWindowMs: 12 * 3_600_000 },
  ));

test("the script: cached for a while, gzipped for clients that accept it, revalidated by its tag", () =>
  withServer(async ({ url, port }) => {
    const expected = buildHitsScript(82_800_000);
    const response = await fetch(`${url}/hits.js`);
    assert.is(await response.text(), expected.body);
    const headers = {
      "content-type": "text/javascript; charset=utf-8",
      "cache-control": "public, max-age=3600",
      "access-control-allow-origin": "*",
      "cross-origin-resource-policy": "cross-origin",
      "x-content-type-options": "nosniff",
      vary: "Accept-Encoding",
      etag: expected.etag,
    };
    for (const [name, value] of Object.entries(headers)) assert.match(response.headers.get(name) ?? "", value, name);
    assert.is(response.headers.get("content-encoding"), "gzip");
    const plain = await rawRequest(port, "GET", "/hits.js");
    assert.is(plain.body, expected.body);
    assert.is(plain.headers.get("content-encoding"), undefined);
    const again = (tag: string) =>
      raw(port, `GET /hits.js HTTP/1.1\r\nHost: x\r\nConnection: close\r\nIf-None-Match: ${tag}\r\n\r\n`, "HEAD");
    const fresh = await again(expected.etag);
    assert.is(`${fresh.status} ${fresh.headers.get("cache-control")}`, "304 public, max-age=3600");
    assert.is((await again('W/"of an older one"')).status, 200);
    assert.is((await rawRequest(port, "HEAD", "/hits.js")).status, 200);
  }));

test.run();
