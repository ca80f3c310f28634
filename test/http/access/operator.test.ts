/** What ADMIN_TOKEN keeps for its bearer, and how it is kept from being guessed. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MAX_WRONG_TOKENS } from "../../../src/http/access/wrong-tokens.js";
import { type AccessPolicy, OPEN_POLICY } from "../../../src/model/access.js";
import { expectProblem, expectRawProblem, RawClient, type Running, withServer } from "../harness.js";

const TOKEN = "s3cret-token";
const BEARER = { Authorization: `Bearer ${TOKEN}` };
const LINES = { "Content-Type": "text/plain" };
const BULK = '{"counter":"a","at":1700000000000}\n{"counter":"b"}';

function withToken(body: (running: Running) => Promise<void>, policy: Partial<AccessPolicy> = {}): Promise<void> {
  return withServer(body, { policy: { ...OPEN_POLICY, adminToken: TOKEN, ...policy } });
}

function post(url: string, headers: Record<string, string> = {}, body: string | null = null): Promise<Response> {
  return fetch(url, { method: "POST", headers, body });
}

test("with ADMIN_TOKEN, more than one hit in a request is for its bearer", () =>
  withToken(async ({ url, services }) => {
    const requests: [string, Record<string, string>, string | null][] = [
      ["/hits/home?n=2", {}, null],
      ["/hits?counter=home&n=1000", LINES, '{"a":1}'],
      ["/hits", LINES, BULK],
      ["/hits", LINES, '{"counter":"a"}'],
      ["/hits", { "Content-Type": "application/json" }, `[{"counter":"a"}]`],
    ];
    for (const [path, headers, body] of requests) {
      const answer = await post(url + path, headers, body);
      assert.is(answer.headers.get("www-authenticate"), 'Bearer realm="durable-hits"', path);
      assert.is(answer.headers.get("hit-not-counted"), "UNAUTHORIZED");
      const { detail } = await expectProblem(answer, 401, "UNAUTHORIZED");
      assert.match(String(detail), /ADMIN_TOKEN as a bearer token, or PUBLIC_HITS=all/);
    }
    assert.equal(services.hits, []);
    assert.is(services.rejected.get("UNAUTHORIZED"), requests.length);
    for (const [path, headers, body] of requests) {
      assert.is((await post(url + path, { ...headers, ...BEARER }, body)).status, 202, path);
    }
  }));

test("with ADMIN_TOKEN, single hits, with an id and a payload, the page and the pictures are for everybody", () =>
  withToken(async ({ url, services }) => {
    assert.is((await post(`${url}/hits/home`)).status, 202);
    assert.is((await post(`${url}/hits/home?n=1&id=k`, LINES, '{"a":1}')).status, 202);
    assert.is((await post(`${url}/hits?counter=home`)).status, 202);
    for (const path of ["/", "/hits/home/pixel.gif?id=p", "/hits/home/badge.svg"]) {
      assert.is((await fetch(url + path)).status, 200, path);
    }
    assert.is(services.hits.length, 6);
    for (const picture of ["pixel.gif", "badge.svg"]) {
      const many = await fetch(`${url}/hits/home/${picture}?n=2`);
      assert.is(many.status, 401);
      assert.match(many.headers.get("content-type") ?? "", /^image\//);
      assert.is(many.headers.get("error-code"), "UNAUTHORIZED");
      assert.is((await fetch(`${url}/hits/home/${picture}?n=2`, { headers: BEARER })).status, 200);
    }
    assert.is(services.hits.length, 8);
  }));

test("a bulk body is not waited for before it is refused", () =>
  withToken(async ({ port }) => {
    const client = new RawClient(port);
    client.send("POST /hits HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 8388608\r\n\r\n{");
    expectRawProblem(await client.answer(), 401, "UNAUTHORIZED");
    client.socket.destroy();
  }));

test("PUBLIC_HITS=all opens them, and so does no token at all", async () => {
  const expectOpen = async ({ url }: Running) => {
    assert.is((await post(`${url}/hits/home?n=2`)).status, 202);
    assert.is((await post(`${url}/hits`, LINES, BULK)).status, 202);
    assert.is((await fetch(`${url}/hits/home/pixel.gif?n=2`)).status, 200);
  };
  await withToken(expectOpen, { publicHits: "all" });
  await withServer(expectOpen);
});

test("after ten wrong tokens no answer tells a client whether the next one is right", () =>
  withToken(
    async ({ url, logger }) => {
      const status = (token: string) => fetch(`${url}/status`, { headers: { Authorization: `Bearer ${token}` } });
      for (let i = 1; i < MAX_WRONG_TOKENS; i++) await expectProblem(await status(`guess-${i}`), 401, "UNAUTHORIZED");
      await expectProblem(await status("guess-10"), 429, "RATE_LIMITED");
      assert.is((await post(`${url}/hits/home`)).status, 202);
      for (const token of ["another", TOKEN]) {
        const authorization = { Authorization: `Bearer ${token}` };
        const answers = [
          await status(token),
          await post(`${url}/hits`, { ...LINES, ...authorization }, BULK),
          await post(`${url}/hits/home?n=2`, authorization),
          await post(`${url}/hits/home`, authorization),
        ];
        for (const answer of answers) {
          assert.match(answer.headers.get("retry-after") ?? "", /^\d+$/);
          const { detail } = await expectProblem(answer, 429, "RATE_LIMITED");
          assert.not.match(String(detail), /s3cret/);
        }
      }
      await expectProblem(await fetch(`${url}/status`), 401, "UNAUTHORIZED");
      assert.is(logger.lines.filter(({ level }) => level === "warn").length, 1);
      assert.not.match(JSON.stringify(logger.lines), /guess|s3cret/);
    },
    { rateLimit: { hits: 1, seconds: 3600 } },
  ));

test("wrong tokens of one client do not keep out another", () =>
  withToken(
    async ({ url }) => {
      const status = (address: string, token: string) =>
        fetch(`${url}/status`, { headers: { Authorization: `Bearer ${token}`, "X-Forwarded-For": address } });
      for (let i = 0; i <= MAX_WRONG_TOKENS; i++) await status("192.0.2.1", `guess-${i}`);
      assert.is((await status("192.0.2.1", TOKEN)).status, 429);
      assert.is((await status("192.0.2.2", TOKEN)).status, 200);
    },
    { trustProxy: 1 },
  ));

test.run();
