import { test } from "uvu";
import * as assert from "uvu/assert";
import { eventually, expectProblem, expectRawProblem, RawClient, type Running, raw, withServer } from "../harness.js";

function post({ url }: Running, path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${url}${path}`, { method: "POST", ...init });
}

const json = (body: string | Uint8Array): RequestInit => ({ body, headers: { "content-type": "application/json" } });
const nested = (depth: number) => `${'{"a":'.repeat(depth - 1)}{}${"}".repeat(depth - 1)}`;

test("a body is stored with the hit", () =>
  withServer(async (running) => {
    const types = [
      "application/json",
      "Application/LD+JSON",
      "text/plain;charset=UTF-8",
      "application/json; charset=utf-8",
    ];
    for (const type of types) {
      const response = await post(running, "/hits/a", { body: '{ "x": [1, "é"] }', headers: { "content-type": type } });
      assert.is(response.status, 202, type);
      assert.is(running.services.hits.at(-1)?.payload, '{"x":[1,"é"]}');
    }
    const untyped = "POST /hits/a HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\nContent-Encoding: identity\r\n\r\n";
    assert.is((await raw(running.port, `${untyped}{"y":2}`)).status, 202);
    assert.is(running.services.hits.at(-1)?.payload, '{"y":2}');
    const chunked = "POST /hits/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert.is((await raw(running.port, `${chunked}3\r\n{"z\r\n4\r\n":3}\r\n0\r\n\r\n`)).status, 202);
    assert.is(running.services.hits.at(-1)?.payload, '{"z":3}');
    assert.is((await raw(running.port, `${chunked}0\r\n\r\n`)).status, 202);
    assert.is(running.services.hits.at(-1)?.payload, undefined);
    const largest = `{"a":"${"x".repeat(16 * 1024 - 8)}"}`;
    assert.is((await post(running, "/hits?counter=b", json(largest))).status, 202);
    assert.is(running.services.hits.at(-1)?.payload, largest);
    assert.is((await post(running, "/hits/a", json(nested(64)))).status, 202);
  }));

test("bodies that are refused", () =>
  withServer(async (running) => {
    const brackets = `{"a":"[[[[[[","b":${"[".repeat(80)}${"]".repeat(80)}}`;
    const bodies = ["nope", "[]", "[1]", "null", '"x"', "5", " ", "{", '{"a":1}x', nested(65), nested(1000), brackets];
    for (const body of bodies) await expectProblem(await post(running, "/hits/a", json(body)), 400, "INVALID_BODY");
    const deep = await post(running, "/hits/a", json("[".repeat(10_000)));
    await expectProblem(deep, 400, "INVALID_BODY");
    await expectProblem(
      await post(running, "/hits/a", json(Buffer.from('{"a":"\xff"}', "latin1"))),
      400,
      "INVALID_BODY",
    );
    const large = await post(running, "/hits/a", json(`{"a":"${"x".repeat(16 * 1024 - 7)}"}`));
    await expectProblem(large, 413, "BODY_TOO_LARGE");
    const types = { "application/x-www-form-urlencoded": "a=1", "image/png": "x", "application/xml": "<a/>" };
    for (const [type, body] of Object.entries(types)) {
      const problem = await expectProblem(
        await post(running, "/hits/a", { body, headers: { "content-type": type } }),
        415,
        "UNSUPPORTED_MEDIA_TYPE",
      );
      assert.match(String(problem["detail"]), "application/json");
    }
    const zipped = { "content-type": "application/json", "content-encoding": "gzip" };
    const problem = await expectProblem(
      await post(running, "/hits/a", { body: "{}", headers: zipped }),
      415,
      "UNSUPPORTED_MEDIA_TYPE",
    );
    assert.match(String(problem["detail"]), "uncompressed");
    const latin = { "content-type": "application/json; charset=iso-8859-1" };
    await expectProblem(await post(running, "/hits/a", { body: "{}", headers: latin }), 415, "UNSUPPORTED_MEDIA_TYPE");
    assert.equal(running.services.hits, []);
  }));

test("a body over the bound is refused before it has arrived, and the connection closed", () =>
  withServer(async ({ port, services }) => {
    const declared = new RawClient(port);
    declared.send("POST /hits/a HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n");
    const answer = await declared.answer();
    expectRawProblem(answer, 413, "BODY_TOO_LARGE");
    assert.is(answer.headers.get("connection"), "close");
    await declared.close();
    const endless = new RawClient(port);
    endless.send("POST /hits/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    const chunk = `1000\r\n${"x".repeat(4096)}\r\n`;
    const sending = setInterval(() => endless.send(chunk), 1);
    try {
      expectRawProblem(await endless.answer(), 413, "BODY_TOO_LARGE");
      await endless.close();
    } finally {
      clearInterval(sending);
    }
    assert.equal(services.hits, []);
  }));

test("a client that sends all of a refused body can still read the answer", () =>
  withServer(async ({ port }) => {
    for (const head of ["/hits/a HTTP/1.1", "/hits HTTP/1.1\r\nContent-Type: image/png", "/hits/.. HTTP/1.1"]) {
      const client = new RawClient(port);
      client.send(`POST ${head}\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n`);
      client.send(Buffer.alloc(4_000_000, "x"));
      assert.ok((await client.answer()).status >= 400);
      assert.is(await client.close(), "");
      assert.is(client.error, undefined);
    }
  }));

test("a client that disconnects in the middle of its body counts nothing", () =>
  withServer(async ({ port, services, logger, url }) => {
    const client = new RawClient(port);
    client.send('POST /hits/a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"a":');
    await eventually("the request arrived", () => client.socket.bytesWritten > 0);
    assert.is((await fetch(`${url}/healthz`)).status, 200);
    client.socket.resetAndDestroy();
    const half = new RawClient(port);
    half.send('POST /hits/a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"a":');
    half.socket.end();
    await half.close();
    assert.is((await fetch(`${url}/hits/b`, { method: "POST" })).status, 202);
    assert.equal(services.hits, [{ counter: "b", n: 1 }]);
    assert.equal(logger.lines, []);
  }));

test.run();
