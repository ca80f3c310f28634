import { test } from "uvu";
import * as assert from "uvu/assert";
import { expectProblem, rawRequest, withServer } from "./harness.js";

test("GET and HEAD: the text with its own media type, never cached", () =>
  withServer(async ({ url, port }) => {
    const response = await fetch(`${url}/metrics`);
    assert.is(response.status, 200);
    assert.is(response.headers.get("content-type"), "text/plain; version=0.0.4");
    assert.is(response.headers.get("cache-control"), "no-store");
    assert.is(response.headers.get("x-content-type-options"), "nosniff");
    assert.is(await response.text(), "event_streams 0\n");
    const head = await rawRequest(port, "HEAD", "/metrics");
    assert.equal([head.status, head.headers.get("content-length")], [200, "16"]);
    await expectProblem(await fetch(`${url}/metrics`, { method: "POST" }), 405, "METHOD_NOT_ALLOWED");
    await expectProblem(await fetch(`${url}/metrics/`), 404, "NOT_FOUND");
  }));

test("the number of open event streams is passed on", () =>
  withServer(async ({ url }) => {
    const text = async () => await (await fetch(`${url}/metrics`)).text();
    const end = new AbortController();
    const streams = await Promise.all([1, 2].map(() => fetch(`${url}/events?counter=a`, { signal: end.signal })));
    assert.is(await text(), "event_streams 2\n");
    end.abort();
    await Promise.all(streams.map((stream) => stream.text().catch(() => undefined)));
    while ((await text()) !== "event_streams 0\n") await new Promise((resolve) => setTimeout(resolve, 5));
  }));

test.run();
