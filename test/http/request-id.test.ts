import { test } from "uvu";
import * as assert from "uvu/assert";
import { HitsError } from "../../src/errors.js";
import { createApp } from "../../src/http/app.js";
import { createHttpServer } from "../../src/http/server.js";
import { FakeLogger, FakeServices } from "./fake-services.js";
import { eventually, expectProblem, expectRawProblem, RawClient, raw, rawRequest, withServer } from "./harness.js";

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

test("a valid id is returned on every answer; without one, only errors have an id", () =>
  withServer(async ({ url, port }) => {
    const headers = { "X-Request-Id": "trace/1:~!" };
    for (const [method, path] of [
      ["POST", "/hits/a"],
      ["POST", "/hits?counter=a"],
      ["GET", "/counters/a"],
      ["GET", "/"],
      ["GET", "/hits/a/badge.svg"],
      ["GET", "/hits.js"],
      ["OPTIONS", "/hits/a"],
    ] as const) {
      assert.is((await fetch(url + path, { method, headers })).headers.get("x-request-id"), "trace/1:~!", path);
      assert.is((await fetch(url + path, { method })).headers.get("x-request-id"), null, path);
    }
    const longest = "x".repeat(128);
    for (const [sent, back] of [
      [longest, longest],
      [`${longest}x`, undefined],
      ["", undefined],
      ["a b", undefined],
      ["a\tb", undefined],
      ["\xe9", undefined],
    ] as const) {
      const answer = await raw(port, `POST /hits/a HTTP/1.1\r\nHost: x\r\nX-Request-Id: ${sent}\r\n\r\n`);
      assert.equal([answer.status, answer.headers.get("x-request-id")], [202, back], sent);
    }
    const twice = await raw(port, "POST /hits/a HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\r\nX-Request-Id: b\r\n\r\n");
    assert.is(twice.headers.get("x-request-id"), undefined, "two are none");
  }));

test("an error has the id that was sent, else a new one, in its header and its body", () =>
  withServer(async ({ url, port, services }) => {
    services.unwanted.add("no");
    const cases: [string, string, number, string][] = [
      ["POST", "/hits/a?n=none", 400, "INVALID_N"],
      ["POST", "/hits", 415, "UNSUPPORTED_MEDIA_TYPE"],
      ["GET", "/nothing", 404, "NOT_FOUND"],
      ["DELETE", "/hits/a", 405, "METHOD_NOT_ALLOWED"],
      ["GET", "/counters?limit=0", 400, "INVALID_QUERY"],
    ];
    const made = new Set<unknown>();
    for (const [method, path, status, code] of cases) {
      const sent = await fetch(url + path, { method, headers: { "X-Request-Id": "mine" } });
      assert.is((await expectProblem(sent, status, code))["requestId"], "mine");
      assert.is(sent.headers.get("x-request-id"), "mine");
      const bare = await fetch(url + path, { method });
      const id = (await expectProblem(bare, status, code))["requestId"];
      assert.match(String(id), UUID);
      assert.is(bare.headers.get("x-request-id"), id);
      made.add(id);
    }
    assert.is(made.size, cases.length, "each has its own");
    const unread = await rawRequest(port, "NOT-A-METHOD", "/");
    assert.is(expectRawProblem(unread, 405, "METHOD_NOT_ALLOWED")["requestId"], unread.headers.get("x-request-id"));
    assert.match(unread.headers.get("x-request-id") ?? "", UUID);
    services.failure = new HitsError("DISK_FULL", "full");
    const picture = await fetch(`${url}/hits/a/pixel.gif`);
    assert.is(picture.status, 503);
    assert.match(picture.headers.get("x-request-id") ?? "", UUID);
  }));

test("an unexpected error is logged with the id that its client got", async () => {
  const services = new FakeServices();
  const logger = new FakeLogger();
  const server = createHttpServer(createApp(services, logger), logger);
  const { port } = await server.listen("127.0.0.1", 0);
  try {
    services.failure = new Error("a bug");
    const problem = await expectProblem(
      await fetch(`http://127.0.0.1:${port}/hits/a`, { method: "POST" }),
      500,
      "INTERNAL",
    );
    assert.equal(
      logger.lines.map(({ fields }) => "requestId" in fields && fields.requestId),
      [problem["requestId"]],
    );
  } finally {
    await server.stop(500);
  }
});

class DebugLogger extends FakeLogger {
  readonly requests: Record<string, unknown>[] = [];

  isLevelEnabled(level: string): boolean {
    return level === "debug";
  }

  debug(fields: object): void {
    this.requests.push({ ...fields });
  }
}

test("at level debug every request is logged: method, path, status, time, id; never its query", async () => {
  const services = new FakeServices();
  const logger = new DebugLogger();
  const server = createHttpServer(createApp(services, logger), logger);
  const { port } = await server.listen("127.0.0.1", 0);
  const url = `http://127.0.0.1:${port}`;
  try {
    const headers = { Authorization: "Bearer secret-token", "X-Request-Id": "mine" };
    await (await fetch(`${url}/hits/%2Fa?id=secret-id`, { method: "POST", headers })).text();
    const { requestId } = await expectProblem(await fetch(`${url}/nothing?key=secret-key`), 404, "NOT_FOUND");
    const client = new RawClient(port);
    client.send("GET /events?counter=secret-name HTTP/1.1\r\nHost: x\r\n\r\n");
    await client.upTo("data:");
    client.socket.destroy();
    await eventually("three lines", () => logger.requests.length === 3);
    assert.equal(
      logger.requests.map(({ method, path, status, requestId: id, cut }) => [method, path, status, id, cut]),
      [
        ["POST", "/hits/%2Fa", 202, "mine", undefined],
        ["GET", "/nothing", 404, requestId, undefined],
        ["GET", "/events", 200, undefined, true],
      ],
    );
    for (const { ms } of logger.requests) assert.ok(typeof ms === "number" && ms >= 0, String(ms));
    assert.not.match(JSON.stringify([logger.requests, logger.lines]), "secret");
  } finally {
    await server.stop(500);
  }
});

test.run();
