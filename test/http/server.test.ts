import { createServer } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HitsError, systemCode } from "../../src/errors.js";
import { createApp } from "../../src/http/app.js";
import { createHttpServer } from "../../src/http/server.js";
import { FakeLogger, FakeServices } from "./fake-services.js";
import { eventually, expectRawProblem, RawClient, raw, withServer } from "./harness.js";

const IMPATIENT = { server: { headersTimeoutMs: 150, requestTimeoutMs: 300, checkIntervalMs: 20 } };
const HIT = "POST /hits/a HTTP/1.1\r\nHost: x\r\n\r\n";

test("a header that arrives too slowly is answered with 408", () =>
  withServer(async ({ port, services }) => {
    const client = new RawClient(port);
    client.send("POST /hits/a HTTP/1.1\r\n");
    const drip = setInterval(() => client.send("X-A: b\r\n"), 20);
    try {
      const answer = await client.answer();
      expectRawProblem(answer, 408, "REQUEST_TIMEOUT");
      assert.is(answer.headers.get("connection"), "close");
      await client.close();
    } finally {
      clearInterval(drip);
    }
    assert.equal(services.hits, []);
  }, IMPATIENT));

test("a body that arrives too slowly is answered with 408, and not counted", () =>
  withServer(async ({ port, services }) => {
    for (const path of ["/hits/a", "/hits"]) {
      const client = new RawClient(port);
      client.send(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n{`);
      const drip = setInterval(() => client.send(" "), 20);
      try {
        expectRawProblem(await client.answer(), 408, "REQUEST_TIMEOUT");
        await client.close();
      } finally {
        clearInterval(drip);
      }
    }
    assert.equal(services.hits, []);
  }, IMPATIENT));

test("a body that arrives slowly after its answer gets no second one", () =>
  withServer(async ({ port }) => {
    const client = new RawClient(port);
    client.send("POST /hits/.. HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{");
    expectRawProblem(await client.answer(), 400, "INVALID_COUNTER");
    assert.is(await client.close(), "");
  }, IMPATIENT));

test("too large a header", () =>
  withServer(async ({ port, services }) => {
    const lines = (count: number) => Array.from({ length: count }, (_, i) => `X-${i}: y\r\n`).join("");
    const hit = (header: string) => `POST /hits/a HTTP/1.1\r\nHost: x\r\n${header}\r\n`;
    expectRawProblem(await raw(port, hit(`X-A: ${"y".repeat(20_000)}\r\n`)), 431, "HEADERS_TOO_LARGE");
    expectRawProblem(await raw(port, `POST /hits/${"a".repeat(20_000)} HTTP/1.1\r\n`), 431, "HEADERS_TOO_LARGE");
    const answer = await raw(port, hit(lines(100)));
    expectRawProblem(answer, 431, "HEADERS_TOO_LARGE");
    assert.is(answer.headers.get("connection"), "close");
    assert.equal(services.hits, []);
    assert.is((await raw(port, hit(lines(99)))).status, 202);
  }));

test("input that is not HTTP", () =>
  withServer(async ({ port, services }) => {
    const requests = [
      "nonsense\r\n\r\n",
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
      "POST /hits/a HTTP/9.9\r\n\r\n",
      "POST /hits/a HTTP/1.1\r\n\r\n",
      "POST /hits/a HTTP/1.1\r\nHost: x\r\nhost: x\r\n\r\n",
      "POST /hits/a HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n",
      "POST /hits/a HTTP/1.1\r\nHost: x\r\nContent-Length: nine\r\n\r\n",
      "POST /hits/a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
      "POST /hits/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ];
    for (const request of requests) {
      const answer = await raw(port, request);
      expectRawProblem(answer, 400, "BAD_REQUEST");
      assert.is(answer.headers.get("connection"), "close");
    }
    assert.equal(services.hits, []);
    assert.is((await raw(port, "POST /hits/a HTTP/1.0\r\n\r\n")).status, 202);
  }));

test("the answer to nonsense after a request waits for that request's answer", () =>
  withServer(async ({ port, services }) => {
    let open = () => {};
    services.gate = new Promise((resolve) => {
      open = resolve;
    });
    const client = new RawClient(port);
    client.send(`${HIT}nonsense\r\n\r\n`);
    await new Promise((resolve) => setTimeout(resolve, 20));
    open();
    assert.is((await client.answer()).status, 202);
    expectRawProblem(await client.answer(), 400, "BAD_REQUEST");
    await client.close();
  }));

test("what is sent after a refusal is read up to a bound", () =>
  withServer(async ({ port }) => {
    const chunk = `10000\r\n${"x".repeat(65_536)}\r\n`;
    for (const [start, most] of [
      ["POST /hits/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 8],
      ["nonsense\r\n\r\n", 1],
    ] as const) {
      const client = new RawClient(port);
      client.send(start);
      const send = () => {
        while (!client.socket.destroyed && client.socket.write(chunk));
      };
      client.socket.on("drain", send);
      send();
      assert.ok((await client.answer()).status >= 400);
      await client.close();
      const { bytesWritten, writableLength } = client.socket;
      // Some of it was in the buffers of the network.
      assert.ok(bytesWritten - writableLength < (most + 12) * 1024 * 1024, `${bytesWritten} bytes were taken`);
    }
  }));

test("a client that asks first is refused before it sends too much", () =>
  withServer(async ({ port }) => {
    const head = "POST /hits HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Type: text/plain\r\n";
    const large = new RawClient(port);
    large.send(`${head}Content-Length: 9000000\r\n\r\n`);
    expectRawProblem(await large.answer(), 413, "BODY_TOO_LARGE");
    large.socket.destroy();
    const small = new RawClient(port);
    small.send(`${head}Content-Length: 15\r\n\r\n`);
    assert.is(await small.upTo("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    small.send('{"counter":"a"}');
    assert.is((await small.answer()).status, 202);
    small.socket.destroy();
  }));

test("listening fails with a reason", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const address = other.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const server = createHttpServer(createApp(new FakeServices(), new FakeLogger()), new FakeLogger());
  const failure = await server.listen("127.0.0.1", port).then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.is(systemCode(failure), "EADDRINUSE");
  assert.match(String(failure), `127.0.0.1:${port}`);
  other.close();
  // After a failure it can listen on another port, and be stopped.
  const second = await server.listen("127.0.0.1", 0);
  assert.ok(second.port > 0);
  await server.stop(1000);
});

test("connections over the bound are refused", () =>
  withServer(
    async ({ port, logger, services }) => {
      services.gate = new Promise(() => {});
      const first = new RawClient(port);
      first.send(HIT);
      await eventually("the hit in flight", () => services.recordCalls === 1);
      const second = new RawClient(port);
      await second.close();
      assert.equal(
        logger.lines.map(({ level }) => level),
        ["warn"],
      );
      first.socket.destroy();
    },
    { budgets: { connections: 1 } },
  ));

test("stopping: requests in flight are answered, idle connections are closed, new ones are refused", () =>
  withServer(async ({ port, services, server, url }) => {
    const idle = new RawClient(port);
    idle.send(HIT);
    await idle.answer();
    const silent = new RawClient(port);
    await eventually("connected", () => silent.socket.readyState === "open");
    await fetch(`${url}/healthz`);
    let open = () => {};
    services.gate = new Promise((resolve) => {
      open = resolve;
    });
    const busy = new RawClient(port);
    busy.send(HIT);
    const pipelined = new RawClient(port);
    pipelined.send(HIT + HIT);
    const half = new RawClient(port);
    half.send("GET /healthz HTTP/1.1\r\n");
    await eventually("the hits in flight", () => services.recordCalls === 1 + 3);
    // Nothing shows that half a header has arrived.
    await new Promise((resolve) => setTimeout(resolve, 100));
    let stopped = false;
    const stopping = server.stop(60_000).then(() => {
      stopped = true;
    });
    await idle.close();
    await silent.close();
    const late = new RawClient(port);
    assert.is(await late.close(), "");
    assert.is(stopped, false);
    half.send("Host: x\r\n\r\n");
    const healthy = await half.answer();
    assert.is(`${healthy.status} ${healthy.headers.get("connection")}`, "200 close");
    services.failure = new HitsError("CLOSING", "closing");
    services.gate = Promise.resolve();
    open();
    const answer = await busy.answer();
    expectRawProblem(answer, 503, "CLOSING");
    assert.is(answer.headers.get("connection"), "close");
    expectRawProblem(await pipelined.answer(), 503, "CLOSING");
    expectRawProblem(await pipelined.answer(), 503, "CLOSING");
    await busy.close();
    await pipelined.close();
    await stopping;
    await server.stop(0);
  }));

test("stopping: connections that outlast the grace period are closed", () =>
  withServer(async ({ port, services, server, logger }) => {
    services.gate = new Promise(() => {});
    const stuck = new RawClient(port);
    stuck.send(HIT);
    const slow = new RawClient(port);
    slow.send("POST /hits/a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{");
    const half = new RawClient(port);
    half.send("POST /hits/a HTTP/1.1\r\nHo");
    await new Promise((resolve) => setTimeout(resolve, 50));
    await server.stop(100);
    for (const client of [stuck, slow, half]) assert.is(await client.close(), "");
    assert.equal(
      logger.lines.map(({ level }) => level),
      ["warn"],
    );
  }));

test.run();
