import { test } from "uvu";
import * as assert from "uvu/assert";
import { AccessLog, type AccessLogOptions, pageName } from "../../../src/cli/import/access-log.js";
import type { Hit } from "../../../src/model/hit.js";
import { codeOf } from "../../support/code-of.js";

const DEFAULTS: AccessLogOptions = { prefix: "", allStatuses: false, include: [], exclude: [], countBots: true };
const NOW = Date.parse("2026-01-15T12:00:00Z");

function read(line: string | Buffer, options: Partial<AccessLogOptions> = {}): Hit | string {
  return new AccessLog({ ...DEFAULTS, ...options }).read(Buffer.from(line), undefined, NOW);
}

const at = (time: string) => Date.parse(time);
const request = (text: string, status = "200") =>
  `::1 - - [10/Oct/2025:13:55:36 +0000] "${text}" ${status} 17 "-" "curl"`;

const formats: readonly (readonly [string, string, string, string])[] = [
  [
    "common",
    '192.0.2.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a.gif HTTP/1.0" 200 2326',
    "/a.gif",
    "2000-10-10T20:55:36Z",
  ],
  [
    "combined",
    '192.0.2.1 - - [01/Jan/2025:00:00:00 +0530] "GET / HTTP/2.0" 200 5 "http://x/" "Mozilla"',
    "/",
    "2024-12-31T18:30:00Z",
  ],
  [
    "IPv6",
    '2001:db8::1 - - [29/Feb/2024:23:59:60 +0000] "GET /b HTTP/1.1" 304 - "-" "-"',
    "/b",
    "2024-03-01T00:00:00Z",
  ],
  [
    "virtual host",
    'example.org:443 192.0.2.1 - - [10/Oct/2025:13:55:36 +0000] "GET /v HTTP/1.1" 200 1 "-" "-"',
    "/v",
    "2025-10-10T13:55:36Z",
  ],
  [
    "more fields",
    '192.0.2.1 - - [10/Oct/2025:13:55:36 +0000] "GET /m HTTP/1.1" 206 1 "-" "-" "192.0.2.9" 0.001 rt=1',
    "/m",
    "2025-10-10T13:55:36Z",
  ],
  [
    "a user with blanks and brackets",
    '192.0.2.1 - a [b] c [10/Oct/2025:13:55:36 +0000] "GET /u HTTP/1.1" 200 1',
    "/u",
    "2025-10-10T13:55:36Z",
  ],
  [
    "escaped quotes",
    '192.0.2.1 - \\"x [10/Oct/2025:13:55:36 +0000] "GET /q\\" HTTP/1.1" 200 1 "a\\"b" "c\\\\"',
    "/q%22",
    "2025-10-10T13:55:36Z",
  ],
  ["HTTP/0.9", '192.0.2.1 - - [10/Oct/2025:13:55:36 +0000] "GET /old" 200 1', "/old", "2025-10-10T13:55:36Z"],
];
for (const [name, line, counter, time] of formats) {
  test(`a line is a hit of its path at its time: ${name}`, () => {
    assert.equal(read(line), { counter, n: 1, at: at(time) });
  });
}

/** What a browser shows as `location.pathname`, by which the script for pages counts. */
const names: readonly (readonly [string, string | undefined])[] = [
  ["/blog/post?utm=1&x=/y", "/blog/post"],
  ["/?", "/"],
  ["/caf%C3%A9", "/caf%C3%A9"],
  ["/caf%c3%a9%2Fx", "/caf%c3%a9%2Fx"],
  [Buffer.from("/café").toString("latin1"), "/caf%C3%A9"],
  ["/a/./b/../c/%2e%2E/d", "/a/d"],
  ["/.well-known/x", "/.well-known/x"],
  ["//double//slash/", "//double//slash/"],
  ["/a\\b c<d>", "/a/b%20c%3Cd%3E"],
  ["/x#y", "/x"],
  ["http://example.org/p?q", "/p"],
  ["https://example.org", "/"],
  ["*", undefined],
  ["example.org:443", undefined],
  ["?x", undefined],
];
for (const [target, name] of names) {
  test(`a page is named as in a browser: ${target}`, () => {
    assert.is(pageName(target), name);
  });
}

test("bytes that a server escapes are restored", () => {
  assert.equal(read(request("GET /caf\\xC3\\xA9\\t HTTP/1.1")), read(request("GET /caf%C3%A9%09 HTTP/1.1")));
});

test("what is not counted, and why", () => {
  const reasons: readonly (readonly [string, Partial<AccessLogOptions>, string])[] = [
    ["", {}, "blank"],
    ["  \t", {}, "blank"],
    [request("GET /a HTTP/1.1", "404"), {}, "status"],
    [request("GET /a HTTP/1.1", "301"), {}, "status"],
    [request("GET /a HTTP/1.1", "-"), {}, "status"],
    [request("\\x16\\x03\\x01", "400"), {}, "status"],
    [request("HEAD /a HTTP/1.1"), {}, "method"],
    [request("POST /a HTTP/1.1"), {}, "method"],
    [request("get /a HTTP/1.1"), {}, "method"],
    [request("-", "408"), { allStatuses: true }, "method"],
    [request("GET /a HTTP/1.1"), { countBots: false }, "bot"],
    [request("GET /a.css HTTP/1.1"), { exclude: ["*.css"] }, "excluded"],
    [request("GET /a HTTP/1.1"), { prefix: "example.org", include: ["example.org/blog/*"] }, "excluded"],
  ];
  for (const [line, options, reason] of reasons) assert.is(read(line, options), reason, line);
});

test("prefix, globs and statuses", () => {
  const counter = (line: string, options: Partial<AccessLogOptions>) => (read(line, options) as Hit).counter;
  assert.is(counter(request("GET /a HTTP/1.1"), { prefix: "example.org" }), "example.org/a");
  assert.is(counter(request("GET /a HTTP/1.1", "500"), { allStatuses: true }), "/a");
  assert.is(counter(request("GET /blog/x/y HTTP/1.1"), { include: ["/blog/*"], exclude: ["*.css"] }), "/blog/x/y");
});

test("one reader keeps pages and days apart", () => {
  const log = new AccessLog({ ...DEFAULTS, exclude: ["/b"] });
  const line = (path: string, day: string) => Buffer.from(request(`GET ${path} HTTP/1.1`).replace("10/Oct", day));
  for (let round = 0; round < 2; round++) {
    assert.equal(log.read(line("/a", "10/Oct"), "x", NOW), {
      counter: "/a",
      n: 1,
      at: at("2025-10-10T13:55:36Z"),
      id: "x",
    });
    assert.is(log.read(line("/b", "10/Oct"), "x", NOW), "excluded");
    assert.equal(log.read(line("/a", "11/Oct"), "x", NOW), {
      counter: "/a",
      n: 1,
      at: at("2025-10-11T13:55:36Z"),
      id: "x",
    });
  }
});

test("lines that are refused", async () => {
  const refused: readonly (readonly [string, string])[] = [
    ["hello", "INVALID_LINE"],
    ['{"counter":"a"}', "INVALID_LINE"],
    ['[10/Oct/2025:13:55:36 +0000] "GET / HTTP/1.1" 200 1', "INVALID_LINE"],
    ['::1 - - [10/Oct/2025:13:55:36 +0000] "GET / HTTP/1.1', "INVALID_LINE"],
    ['::1 - - [10/Oct/2025:13:55:36 +0000] "GET / HTTP/1.1" 20 1', "INVALID_LINE"],
    [request("GET * HTTP/1.1"), "INVALID_LINE"],
    ['::1 - - [30/Feb/2025:13:55:36 +0000] "GET / HTTP/1.1" 200 1', "INVALID_AT"],
    ['::1 - - [10/Okt/2025:13:55:36 +0000] "GET / HTTP/1.1" 200 1', "INVALID_AT"],
    ['::1 - - [10/Oct/2025:24:00:00 +0000] "GET / HTTP/1.1" 200 1', "INVALID_AT"],
    ['::1 - - [10/Oct/1965:13:55:36 +0000] "GET / HTTP/1.1" 200 1', "INVALID_AT"],
    ['::1 - - [15/Jan/2026:12:05:01 +0000] "GET / HTTP/1.1" 200 1', "INVALID_AT"],
    [request(`GET /${"x".repeat(1024)} HTTP/1.1`), "INVALID_COUNTER"],
  ];
  for (const [line, code] of refused) assert.is(await codeOf((async () => read(line))()), code, line);
});

test("no line takes long, whatever it contains", () => {
  const time = '[10/Oct/2025:13:55:36 +0000] "';
  for (const part of [time, "\\", '\\"', '" ', "[", ' "', "GET / "]) {
    const line = `::1 - - ${part.repeat(Math.floor(65_000 / part.length))}`;
    for (const whole of [line, `::1 - - ${time}${line}`]) {
      const outcome = () => {
        try {
          return read(whole, { allStatuses: true });
        } catch {
          return "refused";
        }
      };
      assert.ok(outcome());
    }
  }
});

test.run();
