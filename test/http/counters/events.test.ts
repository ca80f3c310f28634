import { test } from "uvu";
import * as assert from "uvu/assert";
import { OPEN_POLICY } from "../../../src/model/access.js";
import { eventually, expectProblem, expectRawProblem, RawClient, rawRequest, settled, withServer } from "../harness.js";

const FAST = { streams: { pollMs: 5 } };

class EventClient {
  readonly raw: RawClient;

  constructor(port: number, counter = "home", address = "10.9.9.9") {
    this.raw = new RawClient(port);
    this.raw.send(`GET /events?counter=${counter} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ${address}\r\n\r\n`);
  }

  async next(): Promise<
    { count: number | null; projections: { state: string; lag: number }[] } & Record<string, unknown>
  > {
    await this.raw.upTo("event: counter\ndata: ");
    return JSON.parse(await this.raw.upTo("\n\n"));
  }
}

test("the state at once, then every change", () =>
  withServer(async ({ port, services }) => {
    services.hits.push({ counter: "a b", n: 3 });
    const client = new EventClient(port, "a+b");
    const head = (await client.raw.upTo("\r\n\r\n")).toLowerCase();
    assert.match(head, /^http\/1\.1 200 /);
    assert.match(head, "content-type: text/event-stream\r\n");
    assert.match(head, "cache-control: no-store, no-transform\r\n");
    assert.match(head, "x-accel-buffering: no\r\n");
    assert.match(head, "x-content-type-options: nosniff\r\n");
    await client.raw.upTo("retry: 1000\n\n");
    const { asOf, ...first } = await client.next();
    assert.type(asOf, "string");
    const projections = [{ name: "local", state: "running", since: "2026-01-15T12:00:00Z", lag: 0, lastError: null }];
    assert.equal(first, { counter: "a b", count: 3, projected: 3, pending: 0, projections });
    services.hits.push({ counter: "a b", n: 2 });
    assert.is((await client.next()).count, 5);
    services.projections = services.projections.map((one) => ({ ...one, state: "retrying", lastError: "away" }));
    assert.is((await client.next()).projections[0]?.state, "retrying");
    services.incomplete = true;
    assert.is((await client.next())["incomplete"], true);
    services.halted = true;
    assert.is((await client.next()).count, null);
    services.halted = false;
    assert.is((await client.next()).count, 5);
    client.raw.socket.destroy();
  }, FAST));

test("no event without a change: time alone is not one, and lag waits for a second", () =>
  withServer(async ({ port, services }) => {
    const client = new EventClient(port);
    await client.next();
    const from = performance.now();
    const asked = services.asked.get("home") ?? 0;
    await eventually("many reads of the counter", () => (services.asked.get("home") ?? 0) > asked + 20);
    services.projections = services.projections.map((one) => ({ ...one, lag: 7 }));
    // The next event is the one with the lag: any earlier one would have lag 0.
    assert.is((await client.next()).projections[0]?.lag, 7);
    assert.ok(performance.now() - from > 700);
    client.raw.socket.destroy();
  }, FAST));

test("a counter is read once for all its streams, and not at all without any", () =>
  withServer(async ({ port, services }) => {
    const clients = Array.from({ length: 10 }, (_, i) => new EventClient(port, i < 9 ? "many" : "one"));
    for (const client of clients) await client.next();
    const many = services.asked.get("many") ?? 0;
    const one = services.asked.get("one") ?? 0;
    await eventually("reads of the counters", () => (services.asked.get("one") ?? 0) >= one + 10);
    assert.ok((services.asked.get("many") ?? 0) - many <= (services.asked.get("one") ?? 0) - one + 1);
    services.hits.push({ counter: "many", n: 1 }, { counter: "one", n: 1 });
    for (const client of clients) assert.is((await client.next()).count, 1);
    for (const client of clients) client.raw.socket.destroy();
    await settled("reads of anything", () => services.statusAsked);
  }, FAST));

test("a comment at intervals", () =>
  withServer(
    async ({ port }) => {
      const client = new EventClient(port);
      await client.next();
      await client.raw.upTo("\r\n");
      for (let i = 0; i < 3; i++) assert.is(await client.raw.upTo("\n\n\r\n"), "3\r\n:\n\n\r\n");
      client.raw.socket.destroy();
    },
    { streams: { pollMs: 5, commentMs: 10 } },
  ));

test("streams are bounded, and a closed one makes room", () =>
  withServer(
    async ({ port }) => {
      const clients = [new EventClient(port), new EventClient(port)];
      for (const client of clients) await client.next();
      expectRawProblem(await rawRequest(port, "GET", "/events?counter=a"), 503, "TOO_MANY_STREAMS");
      clients[0]?.raw.socket.destroy();
      let status = 0;
      for (let tries = 0; status !== 200 && tries < 100; tries++) {
        const client = new RawClient(port);
        client.send("GET /events?counter=a HTTP/1.1\r\nHost: x\r\n\r\n");
        status = Number((await client.upTo("\r\n")).split(" ")[1]);
        client.socket.destroy();
      }
      assert.is(status, 200);
      clients[1]?.raw.socket.destroy();
    },
    { streams: { pollMs: 5 }, budgets: { streams: 2 } },
  ));

test("a client that has fewer streams gets one of another's: its oldest ends", () =>
  withServer(
    async ({ port }) => {
      const many = Array.from({ length: 8 }, () => new EventClient(port, "many", "10.0.0.1"));
      for (const client of many) await client.next();
      const few = Array.from({ length: 4 }, () => new EventClient(port, "few", "10.0.0.2"));
      for (const client of few) await client.next();
      // With the last chunk, it is an end and not a broken connection.
      for (const client of many.slice(0, 4)) await client.raw.upTo("\r\n0\r\n\r\n");
      expectRawProblem(await new EventClient(port, "few", "10.0.0.2").raw.answer(), 503, "TOO_MANY_STREAMS");
      for (const client of [...many, ...few]) client.raw.socket.destroy();
    },
    { streams: { pollMs: 5 }, budgets: { streams: 8 }, policy: { ...OPEN_POLICY, trustProxy: 1 } },
  ));

test("many streams are updated in slices, between which other requests get their turn", () =>
  withServer(
    async ({ port, services }) => {
      const count = 20;
      const clients = Array.from({ length: count }, (_, i) => new EventClient(port, `c${i}`));
      for (const client of clients) await client.next();
      let longest = 0;
      let read = 0;
      const { counter } = services;
      services.counter = (name) => {
        longest = Math.max(longest, ++read);
        const end = performance.now() + 3;
        while (performance.now() < end);
        return counter.call(services, name);
      };
      const turns = setInterval(() => {
        read = 0;
      }, 0);
      const reads = () => clients.reduce((sum, _, i) => sum + (services.asked.get(`c${i}`) ?? 0), 0);
      const before = reads();
      await eventually("several updates", () => reads() >= before + 5 * count);
      clearInterval(turns);
      assert.ok(longest < count, `${longest} counters read without a turn of the event loop`);
      for (const client of clients) client.raw.socket.destroy();
    },
    { streams: { pollMs: 5 } },
  ));

test("a client that does not read is disconnected", () =>
  withServer(async ({ port, services }) => {
    const lazy = new EventClient(port);
    await lazy.next();
    lazy.raw.socket.pause();
    // Far more than fits into the sockets' buffers.
    const change = setInterval(() => {
      const lastError = String(services.hits.push({ counter: "home", n: 1 })).padEnd(500_000, "x");
      services.projections = services.projections.map((one) => ({ ...one, lastError }));
    }, 2);
    try {
      await settled("reads of the counter", () => services.asked.get("home") ?? 0);
      assert.ok(services.hits.length > 10);
    } finally {
      clearInterval(change);
    }
    lazy.raw.socket.resume();
    await lazy.raw.close();
  }, FAST));
test("a missing, repeated or invalid counter", () =>
  withServer(async ({ url, port }) => {
    await expectProblem(await fetch(`${url}/events`), 400, "INVALID_QUERY");
    await expectProblem(await fetch(`${url}/events?counter=a&counter=b`), 400, "INVALID_QUERY");
    expectRawProblem(await rawRequest(port, "GET", "/events?counter=.."), 400, "INVALID_COUNTER");
    expectRawProblem(await rawRequest(port, "GET", "/events?counter=%FF"), 400, "INVALID_COUNTER");
  }));

test("streams end when the server stops", () =>
  withServer(async ({ port, server }) => {
    const clients = [new EventClient(port), new EventClient(port, "other")];
    for (const client of clients) await client.next();
    const from = performance.now();
    await server.stop(60_000);
    assert.ok(performance.now() - from < 10_000);
    // With the last chunk, it is an end and not a broken connection.
    for (const client of clients) assert.match(await client.raw.close(), /0\r\n\r\n$/);
  }, FAST));

test.run();
