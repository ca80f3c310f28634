import { test } from "uvu";
import * as assert from "uvu/assert";
import { HitsError } from "../../../src/errors.js";
import { expectProblem, expectRawProblem, RawClient, type Running, raw, rawRequest, withServer } from "../harness.js";

function post({ url }: Running, path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${url}${path}`, { method: "POST", ...init });
}

test("a hit is answered with its offset and the count, exactly", () =>
  withServer(async (running) => {
    await post(running, "/hits/home");
    const response = await post(running, "/hits/home");
    assert.is(response.status, 202);
    assert.is(await response.text(), '{"counter":"home","offset":1,"count":2}');
    assert.is(response.headers.get("content-type"), "application/json; charset=utf-8");
    assert.is(response.headers.get("cache-control"), "no-store");
    assert.is(response.headers.get("x-content-type-options"), "nosniff");
    assert.equal(running.services.hits, [
      { counter: "home", n: 1 },
      { counter: "home", n: 1 },
    ]);
  }));

test("a retry gets the answer of the first try, and is marked", () =>
  withServer(async ({ services, url }) => {
    const first = await fetch(`${url}/hits/home?id=k`, { method: "POST" });
    assert.is(first.headers.get("idempotent-replayed"), null);
    services.replayed = true;
    const again = await fetch(`${url}/hits/home?id=k`, { method: "POST" });
    assert.is(again.status, 202);
    assert.is(again.headers.get("idempotent-replayed"), "true");
    assert.equal(Object.keys((await again.json()) as object), ["counter", "offset", "count"]);
  }));

test("a hit while the counts are unknown has count null", () =>
  withServer(async (running) => {
    running.services.halted = true;
    assert.is(await (await post(running, "/hits/home")).text(), '{"counter":"home","offset":0,"count":null}');
  }));

// The target as sent, and the counter in it.
const FINE: [string, string][] = [
  ["/hits/home", "home"],
  ["/hits/%2Fblog%2Fpost", "/blog/post"],
  ["/hits/%252F", "%2F"],
  ["/hits/a+b", "a+b"],
  ["/hits/a%20b", "a b"],
  ["/hits/%F0%9F%8E%89", "🎉"],
  ["/hits/a#b", "a#b"],
  ["http://elsewhere.example/hits/a#b", "a#b"],
  ["/hits?counter=a#b", "a#b"],
  ["/hits/__proto__", "__proto__"],
  ["/hits/constructor", "constructor"],
  ["/hits/$inc", "$inc"],
  ["/hits/a.b.c", "a.b.c"],
  ["/hits/...", "..."],
  ["/hits/%22%5C", '"\\'],
  ["/hits/%EF%BB%BFa", "\ufeffa"],
  [`/hits/${"x".repeat(1024)}`, "x".repeat(1024)],
  [`/hits/${"%C3%A9".repeat(512)}`, "é".repeat(512)],
  ["http://elsewhere.example/hits/absolute%20form", "absolute form"],
  ["/hits?counter=a+b%2Bc", "a b+c"],
  ["/hits?x=1&counter=%2Fblog", "/blog"],
  ["/hits?%63ounter=home", "home"],
  ["/hits?counter=__proto__&n=1", "__proto__"],
];

test("valid names, in the path and in the query", () =>
  withServer(async ({ port, services }) => {
    for (const [target, name] of FINE) {
      const { status, body } = await rawRequest(port, "POST", target);
      assert.is(status, 202, `${target} ${body}`);
      assert.is((JSON.parse(body) as { counter: string }).counter, name);
      assert.is(services.hits.at(-1)?.counter, name);
    }
  }));

const BAD_NAMES = [
  "",
  ".",
  "..",
  "%2e",
  "%2E%2e",
  "a%00",
  "a%0Ab",
  "%7F",
  "%C2%85",
  "x".repeat(1025),
  "%C3%A9".repeat(513),
  "%ED%A0%80",
  "%E0%A4%A",
  "%C0%AF",
  "%",
  "%zz",
  "%FF",
];

test("invalid names, in the path and in the query", () =>
  withServer(async ({ port, services }) => {
    for (const name of BAD_NAMES) {
      expectRawProblem(await rawRequest(port, "POST", `/hits/${name}`), 400, "INVALID_COUNTER");
      expectRawProblem(await rawRequest(port, "POST", `http://x/hits/${name}`), 400, "INVALID_COUNTER");
      expectRawProblem(await rawRequest(port, "POST", `/hits?counter=${name}`), 400, "INVALID_COUNTER");
    }
    // Node's parser accepts ASCII only.
    expectRawProblem(await rawRequest(port, "POST", "/hits/é"), 400, "BAD_REQUEST");
    expectRawProblem(await rawRequest(port, "POST", "/hits?counter=a&counter=a"), 400, "INVALID_QUERY");
    expectRawProblem(await rawRequest(port, "POST", "/hits?counter"), 400, "INVALID_COUNTER");
    expectRawProblem(await rawRequest(port, "POST", "/hits/a/b"), 404, "NOT_FOUND");
    expectRawProblem(await rawRequest(port, "POST", "/hits/a/"), 404, "NOT_FOUND");
    expectRawProblem(await rawRequest(port, "POST", "/HITS/a"), 404, "NOT_FOUND");
    assert.equal(services.hits, []);
  }));

test("n and id", () =>
  withServer(async (running) => {
    const { services } = running;
    await post(running, "/hits/a?n=5&id=k+1%2B&whatever=1");
    assert.equal(services.hits.at(-1), { counter: "a", n: 5, id: "k 1+" });
    await post(running, "/hits?counter=a&n=1000000000");
    assert.equal(services.hits.at(-1), { counter: "a", n: 1_000_000_000 });
    const keys: [string, string][] = [
      ["abc", "abc"],
      ['"abc"', "abc"],
      ['"a\\"b\\\\c"', 'a"b\\c'],
      ["100%25", "100%25"],
      ["a, b", "a, b"],
    ];
    for (const [header, id] of keys) {
      await post(running, "/hits/a", { headers: { "idempotency-key": header } });
      assert.equal(services.hits.at(-1), { counter: "a", n: 1, id });
    }
    await post(running, "/hits/a", { headers: { "idempotency-key": Buffer.from("é").toString("latin1") } });
    assert.is(services.hits.at(-1)?.id, "é");
    await post(running, "/hits/a?id=same", { headers: { "idempotency-key": '"same"' } });
    assert.is(services.hits.at(-1)?.id, "same");
    const taken = services.hits.length;
    for (const n of ["0", "1.5", "10000000000", "1e3", "", "-1", "+1", "%31%", "5&n=5"]) {
      const response = await post(running, `/hits/a?n=${n}`);
      await expectProblem(response, 400, n.includes("&") ? "INVALID_QUERY" : "INVALID_N");
    }
    for (const id of ["", "x".repeat(256), "%00", "%zz"]) {
      await expectProblem(await post(running, `/hits/a?id=${id}`), 400, "INVALID_ID");
    }
    await expectProblem(
      await post(running, "/hits/a?id=one", { headers: { "idempotency-key": "two" } }),
      400,
      "INVALID_ID",
    );
    await expectProblem(await post(running, "/hits/a", { headers: { "idempotency-key": "\xff" } }), 400, "INVALID_ID");
    const twice = "POST /hits/a HTTP/1.1\r\nHost: x\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\n\r\n";
    expectRawProblem(await raw(running.port, twice), 400, "INVALID_ID");
    assert.is(services.hits.length, taken);
  }));

test("refusals of the services, by status", () =>
  withServer(async (running) => {
    const refusals: [ConstructorParameters<typeof HitsError>[0], number][] = [
      ["TOO_MANY_COUNTERS", 403],
      ["COUNT_LIMIT", 403],
      ["IDEMPOTENCY_MISMATCH", 422],
      ["TOO_MANY_KEYS", 503],
      ["QUEUE_FULL", 503],
      ["DISK_FULL", 503],
      ["CLOSING", 503],
      ["LOG_FAILED", 503],
    ];
    for (const [code, status] of refusals) {
      running.services.failure = new HitsError(code, "why");
      await expectProblem(await post(running, "/hits/a"), status, code);
      await expectProblem(await post(running, "/hits?counter=a"), status, code);
    }
    const problem = await expectProblem(await post(running, "/hits/a"), 503, "LOG_FAILED");
    assert.match(String(problem["detail"]), "unknown whether");
  }));

test("an unexpected error is logged, and its details are not sent", () =>
  withServer(async (running) => {
    for (const failure of [new Error("secret"), new HitsError("LOG_LOCKED", "secret"), "secret"]) {
      running.services.failure = failure;
      for (const path of ["/hits/a", "/hits?counter=a"]) {
        const body = await (await post(running, path)).text();
        assert.is((JSON.parse(body) as { code: string }).code, "INTERNAL");
        assert.not.match(body, "secret");
        const { requestId } = JSON.parse(body) as { requestId: string };
        assert.equal(running.logger.lines.pop()?.fields, { err: failure, requestId });
      }
    }
    assert.equal(running.logger.lines, []);
  }));

test("requests on one connection are answered in turn, with or without bodies", () =>
  withServer(async ({ port, services }) => {
    const client = new RawClient(port);
    const one = (target: string, body = "") =>
      `POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    client.send(one("/hits/a") + one("/hits/a", '{"x":1}') + one("/hits/..", "{}") + one("/hits?counter=a"));
    for (const expected of [202, 202, 400, 202]) assert.is((await client.answer()).status, expected);
    assert.equal(services.hits, [
      { counter: "a", n: 1 },
      { counter: "a", n: 1, payload: '{"x":1}' },
      { counter: "a", n: 1 },
    ]);
    client.socket.destroy();
  }));

test("hits are answered alike before the router and by it", () =>
  withServer(async ({ port }) => {
    for (const path of ["/hits/home", "/hits/..", "/hits/home?n=0"]) {
      const [ahead, routed] = [await rawRequest(port, "POST", path), await rawRequest(port, "POST", `http://x${path}`)];
      const plain = ({ status, headers, body }: typeof ahead) => ({
        status,
        headers: [...headers].filter(([name]) => name !== "date" && name !== "x-request-id").sort(),
        body: body.replace(/"offset":\d+,"count":\d+|"requestId":"[^"]+"/, ""),
      });
      assert.equal(plain(ahead), plain(routed));
    }
  }));

test.run();
