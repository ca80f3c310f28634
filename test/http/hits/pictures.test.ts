import { test } from "uvu";
import * as assert from "uvu/assert";
import { HitsError } from "../../../src/errors.js";
import { OPEN_POLICY } from "../../../src/model/access.js";
import { type RawAnswer, type Running, raw, rawRequest, withServer } from "../harness.js";

const PICTURES = ["/hits/a/pixel.gif", "/hits/a/badge.svg", "/counters/a/badge.svg"];

/** The message of a badge, from its accessible name. */
function messageOf(svg: string): string {
  return /aria-label="(?:[^"]*: )?([^":]*)"/.exec(svg)?.[1] ?? `no badge: ${svg.slice(0, 200)}`;
}

function assertPicture(answer: { headers: Headers | RawAnswer["headers"] }, path: string, what = path): void {
  const header = (name: string) => answer.headers.get(name) ?? undefined;
  const isSvg = path.includes(".svg");
  assert.is(header("content-type"), isSvg ? "image/svg+xml; charset=utf-8" : "image/gif", what);
  assert.is(header("cache-control"), "no-store, no-cache, max-age=0, must-revalidate, private", what);
  assert.is(header("pragma"), "no-cache");
  assert.ok(Date.parse(header("expires") ?? "") < Date.now());
  assert.is(header("etag") ?? header("last-modified"), undefined);
  assert.is(header("cross-origin-resource-policy"), "cross-origin");
  assert.is(header("x-content-type-options"), "nosniff");
  assert.is(
    header("content-security-policy"),
    isSvg ? "default-src 'none'; style-src 'unsafe-inline'" : undefined,
    what,
  );
}

async function svgAt({ url }: Running, path: string, status = 200): Promise<string> {
  const response = await fetch(url + path);
  assert.is(response.status, status, path);
  assertPicture(response, path.split("?")[0] ?? "", path);
  return await response.text();
}

test("the pixel counts, and is a GIF of one transparent pixel", () =>
  withServer(async ({ url, services }) => {
    const response = await fetch(`${url}/hits/%2Fa%20b/pixel.gif?t=1`);
    assert.is(response.status, 200);
    assertPicture(response, "pixel.gif");
    const bytes = Buffer.from(await response.arrayBuffer());
    assert.is(bytes.length, 43);
    assert.is(bytes.toString("latin1", 0, 6), "GIF89a");
    assert.equal([bytes.readUInt16LE(6), bytes.readUInt16LE(8)], [1, 1]);
    assert.is((bytes[22] ?? 0) & 1, 1, "its graphic control extension has a transparent colour");
    assert.is(response.headers.get("hit-not-counted"), null);
    assert.equal(services.hits, [{ counter: "/a b", n: 1 }]);
    await fetch(`${url}/hits/a/pixel.gif?n=5`);
    assert.equal(services.hits[1], { counter: "a", n: 5 });
  }));

test("one badge counts and shows its own hit, the other only shows", () =>
  withServer(async (running) => {
    const { services } = running;
    services.hits.push({ counter: "a", n: 12_344 });
    assert.is(messageOf(await svgAt(running, "/hits/a/badge.svg")), "12,345");
    assert.is(messageOf(await svgAt(running, "/counters/a/badge.svg")), "12,345");
    assert.is(messageOf(await svgAt(running, "/counters/never/badge.svg")), "0");
    assert.is(services.hits.length, 2);
    services.hits.push({ counter: "a", n: 2 ** 52 - 12_345 });
    assert.is(messageOf(await svgAt(running, "/counters/a/badge.svg")), "4,503,599,627,370,496");
    services.incomplete = true;
    assert.is(messageOf(await svgAt(running, "/counters/never/badge.svg")), "0+");
  }));

test("label, colours and style", () =>
  withServer(async (running) => {
    const of = (query: string) => svgAt(running, `/counters/a/badge.svg?${query}`);
    assert.match(await of(""), /aria-label="hits: 0".*fill="#555".*fill="#007ec6"/);
    const asked = await of("label=Seen+by&color=e05d44&labelColor=%23ABC&style=flat-square");
    assert.match(asked, /aria-label="Seen by: 0".*fill="#abc".*fill="#e05d44"/);
    assert.match(await of("color=BrightGreen"), 'fill="#4b0"');
    assert.match(await of("label="), 'aria-label="0"');
    assert.match(await of(`label=${encodeURIComponent("😀".repeat(64))}`), "😀".repeat(64));
    for (const style of ["flat", "flat-square", "plastic", "for-the-badge", "social"]) {
      assert.is(messageOf(await of(`style=${style}`)), "0");
    }
  }));

test("text cannot escape its element", () =>
  withServer(async (running) => {
    const evil = `</title><script>alert(1)</script>"'&<x onload=alert(1)>`;
    for (const style of ["flat", "flat-square", "plastic", "for-the-badge", "social"]) {
      const path = `/hits/${encodeURIComponent(evil)}/badge.svg?style=${style}&label=${encodeURIComponent(evil)}`;
      const svg = await svgAt(running, path);
      assert.not.match(svg, /<script|<x|title><\/title|"'&/i);
      assert.match(svg.toLowerCase(), "&lt;script&gt;");
    }
  }));

const BAD_LOOKS = [
  `label=${"x".repeat(65)}`,
  "label=%00",
  "label=%EF%BF%BE",
  "label=%FF",
  "label=a&label=b",
  ...["", "12345", "%23", "url(x)", "__proto__", "constructor", "nocolour", '"', "#".repeat(2000), "red;"].flatMap(
    (one) => [`color=${encodeURIComponent(one)}`, `labelColor=${encodeURIComponent(one)}`],
  ),
  ...["", "round", "Flat", "toString"].map((one) => `style=${one}`),
];

test("an invalid look is refused, not counted, and shown", () =>
  withServer(async (running) => {
    const { url, services } = running;
    for (const query of BAD_LOOKS) {
      for (const path of [`/hits/a/badge.svg?${query}`, `/counters/a/badge.svg?${query}`]) {
        const response = await fetch(url + path);
        assert.is(`${response.status} ${response.headers.get("error-code")}`, "400 INVALID_QUERY", path);
        assertPicture(response, path);
        const counts = path.startsWith("/hits");
        assert.is(response.headers.get("hit-not-counted"), counts ? "INVALID_QUERY" : null);
        assert.is(messageOf(await response.text()), "INVALID_QUERY");
      }
    }
    assert.equal(services.hits, []);
    assert.equal([...services.rejected], [["INVALID_QUERY", BAD_LOOKS.length]]);
  }));

test("the picture is sent when the hit is refused, with the error's status and code", () =>
  withServer(async (running) => {
    const { port, services, logger } = running;
    const refused: [path: string, status: number, code: string][] = [
      ...["", ".", "%2e%2e", "%E0%A4%A", "%ED%A0%80", "a%00", "x".repeat(1025)].map(
        (name) => [name, 400, "INVALID_COUNTER"] as [string, number, string],
      ),
      ["a?n=0", 400, "INVALID_N"],
      ["a?id=", 400, "INVALID_ID"],
      ["a?id=1&id=2", 400, "INVALID_QUERY"],
    ];
    for (const [target, status, code] of refused) {
      const [name = "", query = ""] = target.split("?");
      for (const picture of ["pixel.gif", "badge.svg"]) {
        const answer = await rawRequest(port, "GET", `/hits/${name}/${picture}?${query}`);
        assert.is(`${answer.status} ${answer.headers.get("error-code")}`, `${status} ${code}`, target);
        assert.is(answer.headers.get("hit-not-counted"), code);
        assertPicture(answer, picture, target);
        assert.match(answer.body, picture === "pixel.gif" ? /^GIF89a/ : `: ${code}"`);
      }
      if (code !== "INVALID_COUNTER") continue;
      const shown = await rawRequest(port, "GET", `/counters/${name}/badge.svg`);
      assert.is(`${shown.status} ${shown.headers.get("error-code")}`, `${status} ${code}`, target);
      assertPicture(shown, "badge.svg", target);
      assert.is(shown.headers.get("hit-not-counted"), undefined, "nothing would have been counted");
    }
    assert.equal(services.hits, []);
    services.rejected.clear();
    const failures: [error: Error, status: number, code: string, message: string][] = [
      [new HitsError("QUEUE_FULL", "x"), 503, "QUEUE_FULL", "7"],
      [new HitsError("DISK_FULL", "x"), 503, "DISK_FULL", "7"],
      [new HitsError("LOG_FAILED", "x"), 503, "LOG_FAILED", "7"],
      [new HitsError("TOO_MANY_COUNTERS", "x"), 403, "TOO_MANY_COUNTERS", "TOO_MANY_COUNTERS"],
      [new HitsError("IDEMPOTENCY_MISMATCH", "x"), 422, "IDEMPOTENCY_MISMATCH", "IDEMPOTENCY_MISMATCH"],
      [new Error("secret"), 500, "INTERNAL", "7"],
    ];
    services.hits.push({ counter: "a", n: 7 });
    for (const [error, status, code, message] of failures) {
      services.failure = error;
      for (const path of ["/hits/a/pixel.gif", "/hits/a/badge.svg"]) {
        const answer = await rawRequest(port, "GET", path);
        assert.is(`${answer.status} ${answer.headers.get("error-code")}`, `${status} ${code}`, path);
        assertPicture(answer, path);
        const unknown = code === "LOG_FAILED" || code === "INTERNAL";
        assert.is(answer.headers.get("hit-not-counted"), unknown ? undefined : code);
        assert.is(answer.headers.get("hit-unknown"), unknown ? code : undefined);
        assert.is(answer.headers.has("retry-after"), status === 503);
        if (path.endsWith("svg")) assert.is(messageOf(answer.body), message);
      }
      assert.is(services.rejected.get(code as "QUEUE_FULL"), 2);
    }
    assert.is(logger.lines.splice(0).length, 2);
  }));

test("while the counts are unknown", () =>
  withServer(async (running) => {
    const { url, services } = running;
    services.halted = true;
    assert.is(messageOf(await svgAt(running, "/hits/a/badge.svg")), "n/a");
    assert.equal(services.hits, [{ counter: "a", n: 1 }]);
    const response = await fetch(`${url}/counters/a/badge.svg`);
    assert.is(`${response.status} ${response.headers.get("error-code")}`, "503 PROJECTION_HALTED");
    assert.is(response.headers.get("retry-after"), "10");
    assert.is(messageOf(await response.text()), "PROJECTION_HALTED");
  }));

test("HEAD and prefetch get the picture and count nothing", () =>
  withServer(async ({ port, services }) => {
    for (const path of PICTURES) {
      const counts = path.startsWith("/hits");
      const got = await rawRequest(port, "GET", path);
      const before = services.hits.length;
      const head = await rawRequest(port, "HEAD", path);
      assert.is(head.status, 200);
      assertPicture(head, path);
      assert.is(head.headers.get("content-length"), got.headers.get("content-length"));
      assert.is(head.headers.get("hit-not-counted"), counts ? "HEAD" : undefined);
      for (const header of ["Sec-Purpose: prefetch;prerender", "Purpose: prefetch", "X-Moz: prefetch"]) {
        const answer = await raw(port, `GET ${path} HTTP/1.1\r\nHost: x\r\n${header}\r\n\r\n`);
        assert.is(`${answer.status} ${answer.body}`, `200 ${got.body}`);
        assert.is(answer.headers.get("hit-not-counted"), counts ? "PREFETCH" : undefined);
      }
      assert.is(services.hits.length, before, path);
    }
    assert.equal(
      [...services.notCounted],
      [
        ["HEAD", 2],
        ["PREFETCH", 6],
      ],
    );
    assert.is((await rawRequest(port, "HEAD", "/hits/../pixel.gif")).status, 400);
    assert.equal([...services.rejected], [], "which would have been no hit either");
  }));

test("a client that may not count still gets the picture", () =>
  withServer(
    async ({ url, services }) => {
      services.hits.push({ counter: "a", n: 7 });
      const of = async (path: string, headers: Record<string, string>) => {
        const response = await fetch(url + path, { headers });
        assertPicture(response, path);
        return { response, body: await response.text() };
      };
      const bot = await of("/hits/a/badge.svg", { "user-agent": "Googlebot/2.1" });
      assert.is(`${bot.response.status} ${bot.response.headers.get("hit-not-counted")}`, "200 BOT");
      assert.is(messageOf(bot.body), "7");
      const browser = { "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" };
      const elsewhere = await of("/hits/a/badge.svg", { ...browser, origin: "https://elsewhere.example" });
      assert.is(`${elsewhere.response.status} ${messageOf(elsewhere.body)}`, "403 ORIGIN_NOT_ALLOWED");
      for (const path of ["/hits/a/badge.svg", "/hits/a/pixel.gif"]) {
        assert.is((await of(path, browser)).response.headers.get("hit-not-counted"), null);
      }
      const many = await of("/hits/a/badge.svg", browser);
      assert.is(`${many.response.status} ${many.response.headers.get("hit-not-counted")}`, "429 RATE_LIMITED");
      assert.match(many.response.headers.get("retry-after") ?? "", /^\d+$/);
      assert.is(messageOf(many.body), "9");
      assert.equal([...services.notCounted], [["BOT", 1]]);
    },
    {
      policy: {
        ...OPEN_POLICY,
        corsOrigins: ["https://here.example"],
        countBots: false,
        rateLimit: { hits: 3, seconds: 60 },
      },
    },
  ));

test("an id, in the query or the header, is recorded with the hit, and a retry is marked as one", () =>
  withServer(async ({ url, services }) => {
    const first = await fetch(`${url}/hits/a/pixel.gif?id=k%201`);
    assert.is(first.headers.get("idempotent-replayed"), null);
    services.replayed = true;
    for (const picture of ["pixel.gif", "badge.svg"]) {
      const again = await fetch(`${url}/hits/a/${picture}`, { headers: { "idempotency-key": "k 1" } });
      assert.is(`${again.status} ${again.headers.get("idempotent-replayed")}`, "200 true");
    }
    const hit = { counter: "a", n: 1, id: "k 1" };
    assert.equal(services.hits, [hit, hit, hit]);
  }));

test("counters with the names of pictures, and other methods", () =>
  withServer(async ({ url, port, services }) => {
    assert.is((await fetch(`${url}/hits/pixel.gif`, { method: "POST" })).status, 202);
    assert.is((await rawRequest(port, "GET", "/hits/pixel.gif")).status, 405);
    assert.is((await fetch(`${url}/hits/pixel.gif/pixel.gif`)).status, 200);
    assert.equal(
      services.hits.map(({ counter }) => counter),
      ["pixel.gif", "pixel.gif"],
    );
    for (const path of PICTURES) {
      const answer = await rawRequest(port, "POST", path);
      assert.is(`${answer.status} ${answer.headers.get("allow")}`, "405 HEAD, GET, OPTIONS");
    }
    assert.is((await rawRequest(port, "GET", "/hits/blog/post/pixel.gif")).status, 404);
  }));

test.run();
