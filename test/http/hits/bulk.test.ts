import { test } from "uvu";
import * as assert from "uvu/assert";
import { HitsError } from "../../../src/errors.js";
import { MAX_BULK_BYTES } from "../../../src/http/hits/bulk.js";
import { OPEN_POLICY } from "../../../src/model/access.js";
import { eventually, expectProblem, expectRawProblem, RawClient, type Running, withServer } from "../harness.js";

function bulk({ url }: Running, body: string | Uint8Array, type = "application/x-ndjson"): Promise<Response> {
  return fetch(`${url}/hits`, { method: "POST", body, headers: { "content-type": type } });
}

const LINES = '{"counter":"a"}\n\n{"counter":"b","n":3,"id":"k","at":"2015-05-17T10:05:03Z","payload":{"x":1}}\r\n';
const HITS = [
  { counter: "a", n: 1 },
  { counter: "b", n: 3, id: "k", at: Date.UTC(2015, 4, 17, 10, 5, 3), payload: '{"x":1}' },
];

test("lines and arrays are recorded as one batch", () =>
  withServer(async (running) => {
    const { services } = running;
    const types = ["application/x-ndjson", "application/jsonl", "text/plain", "text/plain;charset=UTF-8"];
    for (const type of types) {
      const response = await bulk(running, LINES, type);
      assert.is(response.status, 202, type);
      const expected = { accepted: 2, rejectedCount: 0, rejected: [] };
      const firstOffset = services.hits.length - 2;
      assert.equal(await response.json(), { ...expected, firstOffset, lastOffset: firstOffset + 1 });
      assert.equal(services.hits.slice(-2), HITS);
    }
    const array = `\ufeff[${LINES.trim().replace("\n\n", ",")}]`;
    assert.is((await bulk(running, array, "application/json; charset=utf-8")).status, 202);
    assert.equal(services.hits.slice(-2), HITS);
    assert.equal(services.batches, [2, 2, 2, 2, 2]);
  }));

const IN_AN_HOUR = Date.now() + 3_600_000;
const BAD: [string, string][] = [
  ["nope", "INVALID_BODY"],
  ["[]", "INVALID_BODY"],
  ["5", "INVALID_BODY"],
  ["null", "INVALID_BODY"],
  ["{}", "INVALID_COUNTER"],
  ['{"counter":""}', "INVALID_COUNTER"],
  ['{"counter":".."}', "INVALID_COUNTER"],
  ['{"counter":"\\ud800"}', "INVALID_COUNTER"],
  ['{"counter":"a\\n"}', "INVALID_COUNTER"],
  [`{"counter":"${"x".repeat(1025)}"}`, "INVALID_COUNTER"],
  ['{"counter":"a","n":0}', "INVALID_N"],
  ['{"counter":"a","n":1.5}', "INVALID_N"],
  ['{"counter":"a","n":1e10}', "INVALID_N"],
  ['{"counter":"a","n":"5"}', "INVALID_N"],
  [`{"counter":"a","at":${IN_AN_HOUR}}`, "INVALID_AT"],
  [`{"counter":"a","at":"${new Date(IN_AN_HOUR).toISOString()}"}`, "INVALID_AT"],
  ['{"counter":"a","at":"2015-02-30T00:00:00Z"}', "INVALID_AT"],
  ['{"counter":"a","id":""}', "INVALID_ID"],
  ['{"counter":"a","payload":[]}', "INVALID_BODY"],
  ['{"counter":"a","count":5}', "INVALID_BODY"],
  ['{"counter":"unwanted"}', "TOO_MANY_COUNTERS"],
];

test("bad entries among good ones are rejected one by one", () =>
  withServer(async (running) => {
    const { services } = running;
    services.unwanted.add("unwanted");
    const lines = BAD.flatMap(([line]) => ['{"counter":"good"}', line]);
    const asArray = lines.filter((line) => line !== "nope");
    const expected = BAD.map(([, code], i) => `${2 * i + 1} ${code}`);
    const shifted = BAD.slice(1).map(([, code], i) => `${2 * i + 2} ${code}`);
    const bodies: [string, string, string[]][] = [
      [lines.join("\n"), "application/x-ndjson", expected],
      [`[${asArray.join(",")}]`, "application/json", shifted],
    ];
    for (const [body, type, codes] of bodies) {
      const response = await bulk(running, body, type);
      const answer = (await response.json()) as {
        accepted: number;
        rejectedCount: number;
        rejected: { index: number; code: string; detail: string }[];
      };
      assert.is(response.status, 202);
      assert.equal(
        answer.rejected.map(({ index, code }) => `${index} ${code}`),
        codes,
      );
      assert.is(answer.rejectedCount, codes.length);
      assert.is(answer.accepted, BAD.length);
      assert.ok(answer.rejected.every(({ detail }) => detail.length > 10));
    }
    assert.equal(services.batches, [BAD.length, BAD.length]);
    assert.ok(services.hits.every(({ counter }) => counter === "good"));
  }));

test("valid names stay unchanged", () =>
  withServer(async (running) => {
    const names = ["__proto__", "$inc", "a.b.c", "🎉", "é", '"\\', "/", " ", "constructor"];
    await bulk(running, names.map((counter) => JSON.stringify({ counter })).join("\n"));
    await bulk(running, JSON.stringify(names.map((counter) => ({ counter }))), "application/json");
    assert.equal(
      running.services.hits.map(({ counter }) => counter),
      [...names, ...names],
    );
  }));

test("a body with nothing to count is a problem with the same members", () =>
  withServer(async (running) => {
    const none = { accepted: 0, firstOffset: null, lastOffset: null };
    const bodies: [string, string, number][] = [
      ["", "application/x-ndjson", 0],
      ["\n \n", "text/plain", 0],
      ["nope\n{}", "application/x-ndjson", 2],
      [`${"x\n".repeat(150)}`, "application/x-ndjson", 150],
      ["[]", "application/json", 0],
      ['[5,{"counter":""}]', "application/json", 2],
      ["", "application/json", 0],
      ["[1,", "application/json", 1],
      ['{"counter":"a"}', "application/json", 0],
      ["[".repeat(10_000), "application/json", 0],
      [`[{"counter":"a","payload":${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}}]`, "application/json", 0],
    ];
    for (const [body, type, rejectedCount] of bodies) {
      const problem = await expectProblem(await bulk(running, body, type), 400, "INVALID_BODY");
      const { accepted, firstOffset, lastOffset } = problem;
      assert.equal({ accepted, firstOffset, lastOffset }, none);
      assert.is(problem["rejectedCount"], rejectedCount);
      assert.is((problem["rejected"] as unknown[]).length, Math.min(rejectedCount, 100));
    }
    const bytes = Buffer.from('{"counter":"\xff"}', "latin1");
    await expectProblem(await bulk(running, bytes), 400, "INVALID_BODY");
    await expectProblem(await bulk(running, bytes, "application/json"), 400, "INVALID_BODY");
    assert.equal(running.services.batches, []);
  }));

test("a body with a thousand malformed entries is refused as a whole", () =>
  withServer(async (running) => {
    const good = '{"counter":"a"}';
    for (const [body, type] of [
      [`${good}\nx\n`.repeat(5000), "application/x-ndjson"],
      [`[${`${good},5,`.repeat(5000)}${good}]`, "application/json"],
    ] as const) {
      const problem = await expectProblem(await bulk(running, body, type), 400, "INVALID_BODY");
      assert.match(String(problem["detail"]), "entry 1999; the rest was not read");
      const { accepted, rejectedCount, rejected } = problem;
      assert.equal([accepted, rejectedCount, (rejected as unknown[]).length], [0, 1000, 100]);
    }
    assert.equal(running.services.batches, []);
    assert.is(running.services.abandoned, 2, "what was reserved for the good entries is given back");
  }));

test("reading a large body leaves turns of the event loop to others", () =>
  withServer(async (running) => {
    const { services } = running;
    let turn = 0;
    const count = () => {
      turn++;
      timer = setImmediate(count);
    };
    let timer = setImmediate(count);
    const turns = new Set<number>();
    services.refuse = () => {
      turns.add(turn);
      return undefined;
    };
    try {
      for (const [body, type] of [
        ['{"counter":"a"}\n'.repeat(500_000), "text/plain"],
        [`[${'{"counter":"a"},'.repeat(500_000)}{}]`, "application/json"],
      ] as const) {
        turns.clear();
        assert.is((await bulk(running, body, type)).status, 202);
        assert.ok(turns.size >= 3, `${type}: ${turns.size} turns`);
      }
    } finally {
      clearImmediate(timer);
    }
  }));

test("the largest body is accepted, one byte more is not", () =>
  withServer(async (running) => {
    const line = '{"counter":"a"}\n';
    const full = Buffer.alloc(MAX_BULK_BYTES, line);
    const response = await bulk(running, full);
    assert.is(response.status, 202);
    assert.equal(running.services.batches, [MAX_BULK_BYTES / line.length]);
    for (const type of ["application/x-ndjson", "application/json"]) {
      const over = await bulk(running, Buffer.alloc(MAX_BULK_BYTES + 1, line), type);
      await expectProblem(over, 413, "BODY_TOO_LARGE");
    }
    assert.is(running.services.batches.length, 1);
  }));

test("unsupported types are refused, with the types to send instead", () =>
  withServer(async (running) => {
    for (const type of ["application/x-www-form-urlencoded", "multipart/form-data", "application/xml", ""]) {
      const problem = await expectProblem(await bulk(running, LINES, type), 415, "UNSUPPORTED_MEDIA_TYPE");
      assert.match(String(problem["detail"]), "application/x-ndjson");
    }
    assert.equal(running.services.hits, []);
  }));

test("a refusal of the batch refuses the whole request", () =>
  withServer(async (running) => {
    for (const code of ["QUEUE_FULL", "DISK_FULL", "CLOSING", "LOG_FAILED"] as const) {
      running.services.failure = new HitsError(code, "why");
      await expectProblem(await bulk(running, LINES), 503, code);
    }
  }));

test("every refused hit is noted once, with its code", () =>
  withServer(async (running) => {
    const { services, url } = running;
    services.unwanted.add("z");
    await bulk(running, '{"counter":"a"}\n{"counter":""}\nnope\n{"counter":"z"}\n{"counter":"z","n":2}');
    assert.equal(Object.fromEntries(services.rejected), { INVALID_COUNTER: 1, INVALID_BODY: 1, TOO_MANY_COUNTERS: 2 });
    services.rejected.clear();
    await bulk(running, "nope");
    await bulk(running, '{"counter":"a"}', "image/png");
    await fetch(`${url}/hits/a?n=0`, { method: "POST" });
    services.failure = new HitsError("QUEUE_FULL", "full");
    await bulk(running, '{"counter":"a"}\n{"counter":"a"}\n{"counter":""}');
    await fetch(`${url}/hits/a`, { method: "POST" });
    await fetch(`${url}/`);
    const expected = { INVALID_BODY: 1, UNSUPPORTED_MEDIA_TYPE: 1, INVALID_N: 1, QUEUE_FULL: 4, INVALID_COUNTER: 1 };
    assert.equal(Object.fromEntries(services.rejected), expected);
  }));

const CHUNKED = "POST /hits HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";

function chunk(bytes: number): string {
  return `${bytes.toString(16)}\r\n${" ".repeat(bytes)}\r\n`;
}

test("bodies share memory as they arrive: over it, the client that holds most is refused", () =>
  withServer(
    async ({ app, port, url }) => {
      const { bulkBytes } = app.budgets;
      const greedy = Array.from({ length: 16 }, () => new RawClient(port));
      const announced = "POST /hits HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 8388608\r\n\r\n";
      for (const client of greedy) client.send(`${announced}{`);
      await eventually("a byte of each has arrived", () => bulkBytes.held === 16);
      for (const client of greedy.slice(0, 2)) client.send(" ".repeat(20_000));
      await eventually("much has arrived", () => bulkBytes.held >= 40_000);
      // From another address, which holds less.
      const body = `${'{"counter":"a"}\n'.repeat(1500)}`;
      const headers = { "content-type": "text/plain", "x-forwarded-for": "192.0.2.1" };
      const other = await fetch(`${url}/hits`, { method: "POST", body, headers });
      assert.is(other.status, 202);
      const answers = await Promise.race(greedy.map((client) => client.answer()));
      expectRawProblem(answers, 503, "QUEUE_FULL");
      for (const client of greedy) client.socket.destroy();
      await eventually("the rest is given back", () => bulkBytes.held === 0);
    },
    { budgets: { bulkBytes: 60_000 }, policy: { ...OPEN_POLICY, trustProxy: 1 } },
  ));

test("a body of tiny chunks takes about its bytes", () =>
  withServer(async ({ app, port }) => {
    const client = new RawClient(port);
    client.send(`${CHUNKED}${chunk(1).repeat(5000)}`);
    await eventually("all has arrived", () => app.budgets.bulkBytes.held >= 5000);
    assert.ok(app.budgets.bulkBytes.held <= 10_000, String(app.budgets.bulkBytes.held));
    client.send('f\r\n{"counter":"a"}\r\n0\r\n\r\n');
    assert.is((await client.answer()).status, 202);
    assert.is(app.budgets.bulkBytes.held, 0);
    client.socket.destroy();
  }));

test("a body that stops arriving is refused, and its connection closed", () =>
  withServer(
    async ({ app, port }) => {
      for (const target of ["/hits", "/hits/a"]) {
        const client = new RawClient(port);
        client.send(`POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\n{`);
        const answer = await client.answer();
        expectRawProblem(answer, 408, "REQUEST_TIMEOUT");
        assert.is(answer.headers.get("connection"), "close");
        await client.close();
      }
      assert.is(app.budgets.bulkBytes.held, 0);
    },
    { bodyProgressMs: 50 },
  ));

test.run();
