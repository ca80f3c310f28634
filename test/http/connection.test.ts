/** What a connection, and all of them together, may take. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { OPEN_POLICY } from "../../src/model/access.js";
import type { FakeServices } from "./fake-services.js";
import { eventually, RawClient, settled, withServer } from "./harness.js";

const HIT = "POST /hits/a HTTP/1.1\r\nHost: x\r\n\r\n";
const LIST = "GET /counters?limit=1000 HTTP/1.1\r\nHost: x\r\n";
const BEHIND_PROXY = { policy: { ...OPEN_POLICY, trustProxy: 1 } };

/** Gives each list of counters a length of a megabyte. Returns the number of lists made so far. */
function makeListsLong(services: FakeServices): () => number {
  let lists = 0;
  const counter = services.counter("x".repeat(1024));
  const counters = Array.from({ length: 1000 }, () => counter);
  services.counters = async () => {
    lists++;
    return { counters, next: null };
  };
  return () => lists;
}

/** A client that asks for more lists than fit into the buffers of the network, and reads nothing. */
function askAndNotRead(port: number, address = "10.0.0.1"): RawClient {
  const client = new RawClient(port);
  client.socket.pause();
  client.send(`${LIST}X-Forwarded-For: ${address}\r\n\r\n`.repeat(30));
  return client;
}

test("answers are made one after another: one that is not read keeps back those after it", () =>
  withServer(async ({ port, services }) => {
    const lists = makeListsLong(services);
    const client = askAndNotRead(port);
    await eventually("a list", () => lists() > 0);
    await settled("lists", lists);
    assert.ok(lists() < 20, `${lists()} lists made`);
    client.socket.resume();
    for (let i = 0; i < 30; i++) assert.is((await client.answer()).status, 200);
    assert.is(lists(), 30);
    client.socket.destroy();
  }));

test("a request that comes later waits, too, until the answer before it is written out", () =>
  withServer(async ({ port, services }) => {
    const lists = makeListsLong(services);
    const client = new RawClient(port);
    client.socket.pause();
    for (let i = 0; i < 40; i++) {
      client.send(`${LIST}\r\n`);
      // In a packet of its own.
      const other = new RawClient(port);
      other.send(HIT);
      await other.answer();
      other.socket.destroy();
    }
    assert.ok(lists() < 20, `${lists()} lists made`);
    client.socket.resume();
    for (let i = 0; i < 40; i++) assert.is((await client.answer()).status, 200);
    client.socket.destroy();
  }));

test("hits of a connection are recorded together, some at a time; a read waits for those before it", () =>
  withServer(async ({ port, services }) => {
    let open = () => {};
    services.gate = new Promise((resolve) => {
      open = resolve;
    });
    const client = new RawClient(port);
    client.send(`${HIT.repeat(20)}GET /counters/a HTTP/1.1\r\nHost: x\r\n\r\n${HIT.repeat(20)}`);
    await settled("recorded hits", () => services.recordCalls);
    assert.is(services.recordCalls, 16);
    assert.is(services.asked.get("a"), undefined);
    open();
    for (let i = 1; i <= 41; i++) {
      const { count } = JSON.parse((await client.answer()).body) as { count: number };
      assert.is(count, i <= 20 ? i : i - 1);
    }
    client.socket.destroy();
  }));

test("hits wait for a read before them", () =>
  withServer(async ({ port, services }) => {
    let open = () => {};
    services.gate = new Promise((resolve) => {
      open = resolve;
    });
    const client = new RawClient(port);
    client.send(`GET /hits/a/pixel.gif HTTP/1.1\r\nHost: x\r\n\r\n${HIT.repeat(2)}`);
    await eventually("a hit", () => services.recordCalls > 0);
    await settled("hits", () => services.recordCalls);
    assert.is(services.recordCalls, 1);
    open();
    for (const status of [200, 202, 202]) assert.is((await client.answer()).status, status);
    client.socket.destroy();
  }));

test("too many requests at once close the connection", () =>
  withServer(async ({ port, services }) => {
    services.gate = new Promise(() => {});
    const client = new RawClient(port);
    client.send(HIT.repeat(16 + 64));
    await settled("recorded hits", () => services.recordCalls);
    assert.is(client.closed, false);
    client.send(HIT);
    await client.close();
    assert.is(services.recordCalls, 16);
  }));

test("a client that reads nothing is disconnected, one that has read all is not", () =>
  withServer(
    async ({ port, services }) => {
      makeListsLong(services);
      const idle = new RawClient(port);
      idle.send(HIT);
      await idle.answer();
      const lazy = askAndNotRead(port);
      const closed = new Promise((resolve) => lazy.socket.once("close", resolve));
      // A paused socket reports its end only once it is read; the next write fails before that.
      const poke = setInterval(() => lazy.send(" "), 20);
      await closed;
      clearInterval(poke);
      idle.send(HIT);
      assert.is((await idle.answer()).status, 202);
      idle.socket.destroy();
    },
    { server: { writeTimeoutMs: 100, minBytesPerSecond: 2 ** 40, checkIntervalMs: 20 } },
  ));

test("unread answers are bounded: the client that has most loses a connection, one that has less keeps its own", () =>
  withServer(
    async ({ port, services, server }) => {
      const lists = makeListsLong(services);
      const connections = () => server.connections;
      const ask = async (address: string) => {
        const before = lists();
        const client = askAndNotRead(port, address);
        await eventually("a list", () => lists() > before);
        await settled("lists", lists);
        return client;
      };
      const greedy = [await ask("10.0.0.1"), await ask("10.0.0.1")];
      assert.is(connections(), 2);
      greedy.push(await ask("10.0.0.1"));
      assert.is(connections(), 2);
      const modest = await ask("10.0.0.2");
      assert.is(connections(), 2);
      modest.socket.resume();
      for (let i = 0; i < 30; i++) assert.is((await modest.answer()).status, 200);
      for (const client of [...greedy, modest]) client.socket.destroy();
    },
    { ...BEHIND_PROXY, budgets: { answerBytes: 5 * 1024 * 1024 } },
  ));

test("requests that wait are bounded too", () =>
  withServer(
    async ({ port, services, server }) => {
      services.gate = new Promise(() => {});
      const clients: RawClient[] = [];
      for (let i = 0; i < 5; i++) {
        const client = new RawClient(port);
        client.send(HIT.repeat(10));
        clients.push(client);
        await settled("recorded hits", () => services.recordCalls);
      }
      assert.is(server.connections, 3);
      for (const client of clients) client.socket.destroy();
    },
    { budgets: { answerBytes: 200_000 } },
  ));

test("connections are shared fairly: idle ones make room for new ones, busy ones only for another client's", () =>
  withServer(
    async ({ port, services, server }) => {
      services.gate = new Promise(() => {});
      const connect = async (from: string, text = "") => {
        const client = new RawClient(port, from);
        await eventually("connected", () => client.socket.readyState === "open" || client.closed);
        const calls = services.recordCalls;
        if (text !== "") {
          client.send(text);
          await eventually("the hit in flight", () => services.recordCalls > calls);
        }
        return client;
      };
      const busy = [await connect("127.0.0.2", HIT), await connect("127.0.0.2", HIT)];
      const idle = [await connect("127.0.0.2"), await connect("127.0.0.2")];
      const own = await connect("127.0.0.2");
      await idle[0]?.close();
      assert.is(idle[1]?.closed, false, "the longest connected goes first");
      const first = await connect("127.0.0.1", HIT);
      await idle[1]?.close();
      busy.push(await connect("127.0.0.2", HIT));
      await own.close();
      const refused = new RawClient(port, "127.0.0.2");
      await refused.close();
      assert.ok(busy.every(({ closed }) => !closed));
      const second = await connect("127.0.0.1", HIT);
      await busy[0]?.close();
      assert.is(server.connections, 4);
      for (const client of [...busy, first, second]) client.socket.destroy();
    },
    { budgets: { connections: 4 } },
  ));

test.run();
