import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HttpTarget } from "../../../src/cli/import/http-target.js";
import { Interrupted } from "../../../src/cli/import/target.js";
import type { Hit } from "../../../src/model/hit.js";
import { codeOf } from "../../support/code-of.js";

type Answer = (res: ServerResponse, body: string, req: IncomingMessage) => void;

interface World {
  readonly url: URL;
  readonly warnings: string[];
  /** The bodies of bulk requests, in order. */
  readonly bodies: string[];
  open(options?: { patienceMs?: number; token?: string; signal?: AbortSignal }): Promise<HttpTarget>;
}

const STATUS: Answer = (res) => json(res, 200, { log: { id: "thelog" } });

/** Runs a server that answers `/status`, and bulk requests with these answers in turn, repeating the last one. */
async function withServer(answers: readonly Answer[], body: (world: World) => Promise<void>, status = STATUS) {
  const bodies: string[] = [];
  const server = createServer(async (req, res) => {
    let text = "";
    for await (const chunk of req) text += String(chunk);
    if (req.url?.endsWith("/status")) return status(res, text, req);
    bodies.push(text);
    (answers[bodies.length - 1] ?? answers.at(-1))?.(res, text, req);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/hits-of/us/`);
  const warnings: string[] = [];
  const open: World["open"] = ({ patienceMs = 10_000, token, signal = new AbortController().signal } = {}) =>
    HttpTarget.open({ url, token, patienceMs, warn: (message) => warnings.push(message) }, signal);
  try {
    await body({ url, warnings, bodies, open });
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

function json(res: ServerResponse, status: number, value: unknown): void {
  res.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

const accept: Answer = (res, body) =>
  json(res, 202, { accepted: body.split("\n").length, rejectedCount: 0, rejected: [] });
const vanish: Answer = (res) => res.destroy();
const busy: Answer = (res) => json(res, 503, { code: "QUEUE_FULL", detail: "full" });
const failed: Answer = (res) => json(res, 503, { code: "LOG_FAILED", detail: "the disk" });
const slowDown: Answer = (res) => res.writeHead(429, { "retry-after": "1" }).end("slow down");

const signal = new AbortController().signal;
const HITS: readonly Hit[] = [
  { counter: 'a "b"', n: 2, at: 1_700_000_000_000, id: "x", payload: '{"k":1}' },
  { counter: "b", n: 1 },
];

test("hits are sent as NDJSON, with all their parts and the token; the log's id is read", async () => {
  const seen: (string | undefined)[] = [];
  const look: Answer = (res, body, req) => {
    seen.push(req.url, req.method, req.headers.authorization, req.headers["content-type"]);
    accept(res, body, req);
  };
  await withServer([look], async ({ open, bodies }) => {
    const target = await open({ token: "secret" });
    assert.is(target.logId, "thelog");
    assert.equal(await target.record(HITS, signal), { replayed: 0, refusals: [], unnamed: 0, maybeTwice: 0 });
    assert.equal(seen, ["/hits-of/us/hits", "POST", "Bearer secret", "application/x-ndjson"]);
    assert.equal(
      bodies[0]?.split("\n").map((line) => JSON.parse(line) as unknown),
      [{ counter: 'a "b"', n: 2, at: 1_700_000_000_000, id: "x", payload: { k: 1 } }, { counter: "b" }],
    );
  });
});

test("temporary failures are retried with the same bytes; hits without an id whose response was lost may count twice", async () => {
  const cases: readonly (readonly [Answer, number])[] = [
    [busy, 0],
    [slowDown, 0],
    [vanish, 1],
    [failed, 1],
  ];
  for (const [answer, maybeTwice] of cases) {
    await withServer([answer, answer, accept], async ({ open, bodies, warnings }) => {
      const taken = await (await open()).record(HITS, signal);
      assert.is(taken.maybeTwice, maybeTwice);
      assert.is(bodies.length, 3);
      assert.is(new Set(bodies).size, 1);
      assert.is(warnings.length, 2, "one that it does not answer, one that it answers again");
      assert.match(warnings[0] ?? "", /retrying for up to 10 s/);
      assert.match(warnings[1] ?? "", /answers again/);
    });
  }
});

test("gives up after the given time, with the last failure", async () => {
  await withServer([busy], async ({ open }) => {
    const target = await open({ patienceMs: 300 });
    const error = await target.record(HITS, signal).then(
      () => undefined,
      (thrown: unknown) => thrown as Error,
    );
    assert.match(error?.message ?? "", /QUEUE_FULL: full; gave up after/);
    assert.is(await codeOf(target.record(HITS, signal)), "SERVER_UNAVAILABLE");
  });
});

test("final refusals are not retried", async () => {
  const cases: readonly Answer[] = [
    (res) => json(res, 404, { detail: "nothing here" }),
    (res) => json(res, 401, { code: "UNAUTHORIZED", detail: "who are you" }),
    (res) => res.writeHead(200).end("<html>"),
    (res) => json(res, 200, { hello: "there" }),
    (res) => res.writeHead(302, { location: "/elsewhere" }).end(),
  ];
  for (const answer of cases.slice(0, 4)) {
    await withServer([answer], async ({ open, bodies }) => {
      const target = await open();
      assert.is(await codeOf(target.record(HITS, signal)), "SERVER_UNAVAILABLE");
      assert.is(bodies.length, 1);
    });
  }
});

test("a server that reports its status to administrators only is accepted; one without a log is not", async () => {
  const only: Answer = (res) => json(res, 401, { code: "UNAUTHORIZED", detail: "token" });
  await withServer([accept], async ({ open }) => assert.is((await open()).logId, undefined), only);
  for (const status of [200, 404]) {
    const other: Answer = (res) => json(res, status, { status: "fine" });
    await withServer([accept], async ({ open }) => assert.is(await codeOf(open()), "SERVER_UNAVAILABLE"), other);
  }
});

/** Refuses every line of a counter `no`, and names the first hundred, as the server does. */
const picky: Answer = (res, body) => {
  const rejected = body
    .split("\n")
    .map((line, index) => ({ line, index }))
    .filter(({ line }) => line.includes('"no"'))
    .map(({ index }) => ({ index, code: "TOO_MANY_COUNTERS", detail: "full" }));
  const accepted = body.split("\n").length - rejected.length;
  const answer = { accepted, replayed: 0, rejectedCount: rejected.length, rejected: rejected.slice(0, 100) };
  json(res, accepted > 0 ? 202 : 400, {
    ...answer,
    ...(accepted > 0 ? {} : { code: "INVALID_BODY", detail: "nothing" }),
  });
};

test("every refused hit is named, also those past the first hundred of a response", async () => {
  const hits = Array.from({ length: 500 }, (_, index) => ({
    counter: index % 2 === 0 ? "yes" : "no",
    n: 1,
    id: `${index}`,
  }));
  const odd = hits.map((_, index) => index).filter((index) => index % 2 === 1);
  await withServer([picky], async ({ open, bodies }) => {
    const target = await open();
    const { refusals, unnamed } = await target.record(hits, signal);
    assert.equal(
      refusals.map(({ index }) => index),
      odd,
    );
    assert.is(unnamed, 0);
    assert.is(bodies.length, 3);
    assert.is((await target.record([{ counter: "no", n: 1 }], signal)).refusals.length, 1, "all of them refused");
    // Without ids the later ones would count again.
    const bare = await target.record(
      hits.map(({ counter, n }) => ({ counter, n })),
      signal,
    );
    assert.equal([bare.refusals.length, bare.unnamed], [100, 150]);
  });
});

test("the wait for a server can be interrupted", async () => {
  await withServer([busy], async ({ open }) => {
    const target = await open();
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    const error = await target.record(HITS, controller.signal).catch((thrown: unknown) => thrown);
    assert.instance(error, Interrupted);
  });
});

test("what a server writes to the terminal is one line without control characters", async () => {
  const evil = "\u001b]0;owned\u0007\u009b2J\nimported all\u202e";
  const shown = "\\u001b]0;owned\\u0007\\u009b2J\\u000aimported all\\u202e";
  const refuse: Answer = (res) => json(res, 418, { code: evil, detail: evil });
  await withServer([refuse], async ({ open }) => {
    const target = await open();
    const error = await target.record(HITS, signal).catch((thrown: unknown) => thrown);
    assert.ok(String(error).includes(`it answers 418 ${shown}: ${shown}`), String(error));
  });
  const reject: Answer = (res) =>
    json(res, 202, { accepted: 0, rejectedCount: 1, rejected: [{ index: 0, code: evil, detail: evil }] });
  await withServer([reject], async ({ open }) => {
    const { refusals } = await (await open()).record(HITS, signal);
    assert.equal(refusals, [{ index: 0, code: shown, detail: shown }]);
  });
  const named: Answer = (res) => json(res, 200, { log: { id: evil } });
  await withServer([accept], async ({ open }) => assert.is(await codeOf(open()), "SERVER_UNAVAILABLE"), named);
});

test.run();
