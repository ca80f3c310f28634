import { test } from "uvu";
import * as assert from "uvu/assert";
import { HitsError } from "../../../src/errors.js";
import { type AccessPolicy, OPEN_POLICY } from "../../../src/model/access.js";
import { expectProblem, expectRawProblem, RawClient, type Running, raw, withServer } from "../harness.js";

const BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
const BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

function withPolicy(policy: Partial<AccessPolicy>, body: (running: Running) => Promise<void>): Promise<void> {
  return withServer(body, { policy: { ...OPEN_POLICY, ...policy } });
}

function post(url: string, headers: Record<string, string> = {}, body?: string): Promise<Response> {
  return fetch(url, { method: "POST", headers, ...(body === undefined ? undefined : { body }) });
}

const SHOP = { corsOrigins: ["https://shop.example", "http://localhost:8080"] };

test("every origin may send requests by default, without credentials, and read every answer", async () => {
  await withServer(async ({ url, services }) => {
    const origin = { Origin: "https://any.example" };
    const answers = [
      await post(`${url}/hits/home`, origin),
      await post(`${url}/hits?counter=home`, { ...origin, "Content-Type": "text/plain;charset=UTF-8" }, '{"a":1}'),
      await post(`${url}/hits?counter=`, origin),
      await post(`${url}/hits/${"x".repeat(2000)}`, origin),
      await post(`${url}/hits`, origin, '{"counter":"a"}'),
      await fetch(`${url}/counters/home`, { headers: origin }),
      await fetch(`${url}/nothing`, { headers: origin }),
      await fetch(`${url}/`, { headers: origin }),
    ];
    services.failure = new HitsError("QUEUE_FULL", "full");
    answers.push(await post(`${url}/hits/home`, origin));
    services.failure = undefined;
    assert.equal(
      answers.map(({ status }) => status),
      [202, 202, 400, 400, 202, 200, 404, 200, 503],
    );
    for (const answer of answers) {
      assert.is(answer.headers.get("access-control-allow-origin"), "*", answer.url);
      assert.is(answer.headers.get("access-control-allow-credentials"), null);
      assert.match(answer.headers.get("access-control-expose-headers") ?? "", /Hit-Not-Counted/);
      await answer.body?.cancel();
    }
  });
});

test("no page of another origin may read what is the operator's, whatever CORS_ORIGINS is", async () => {
  const shop = "https://shop.example";
  for (const corsOrigins of ["*" as const, [shop]]) {
    await withPolicy({ corsOrigins }, async ({ url }) => {
      const allowed = async (path: string, method = "GET") => {
        const headers = { Origin: shop, ...(method === "OPTIONS" && { "Access-Control-Request-Method": "GET" }) };
        const answer = await fetch(url + path, { method, headers });
        await answer.body?.cancel();
        return answer.headers.get("access-control-allow-origin");
      };
      for (const path of [
        "/status",
        "/metrics",
        "/counters",
        "/counters?prefix=a",
        "/dashboard",
        "/dashboard/data?after=0",
      ]) {
        for (const method of ["GET", "HEAD", "OPTIONS"])
          assert.is(await allowed(path, method), null, `${method} ${path}`);
      }
      for (const path of ["/counters?name=a", "/counters/a", "/counters/status", "/series?counter=a"]) {
        assert.is(await allowed(path), corsOrigins === "*" ? "*" : shop, path);
      }
    });
  }
});

test("event streams can be read from other origins", async () => {
  await withServer(async ({ url }) => {
    const abort = new AbortController();
    const answer = await fetch(`${url}/events?counter=home`, {
      headers: { Origin: "https://any.example" },
      signal: abort.signal,
    });
    assert.is(answer.headers.get("access-control-allow-origin"), "*");
    assert.is(answer.headers.get("content-type"), "text/event-stream");
    abort.abort();
  });
});

test("preflights", async () => {
  await withServer(async ({ url, services }) => {
    const answer = await fetch(`${url}/hits/home`, {
      method: "OPTIONS",
      headers: {
        Origin: "https://any.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,idempotency-key",
      },
    });
    assert.is(answer.status, 204);
    assert.is(answer.headers.get("access-control-allow-origin"), "*");
    assert.is(answer.headers.get("access-control-allow-methods"), "GET,HEAD,POST");
    assert.is(answer.headers.get("access-control-allow-headers"), "Content-Type,Idempotency-Key,X-Request-Id");
    assert.is(answer.headers.get("access-control-max-age"), "86400");
    assert.equal(services.hits, []);
  });
});

test("with CORS_ORIGINS: those origins, this server's own pages, and clients that are not browsers", async () => {
  await withPolicy(SHOP, async ({ url, port, services }) => {
    const allowed = await post(`${url}/hits/home`, { Origin: "https://shop.example" });
    assert.is(allowed.status, 202);
    assert.is(allowed.headers.get("access-control-allow-origin"), "https://shop.example");
    assert.match(allowed.headers.get("vary") ?? "", /origin/i);
    assert.is((await post(`${url}/hits/home`, { Origin: `http://127.0.0.1:${port}` })).status, 202);
    assert.is((await post(`${url}/hits/home`)).status, 202);
    assert.is(services.hits.length, 3);
    const preflight = await fetch(`${url}/hits/home`, {
      method: "OPTIONS",
      headers: { Origin: "https://evil.example", "Access-Control-Request-Method": "POST" },
    });
    assert.is(preflight.headers.get("access-control-allow-origin"), null);
    const own = await fetch(`${url}/counters/home`);
    assert.match(own.headers.get("vary") ?? "", /origin/i, "a cache must not give it to others");
    const read = await fetch(`${url}/counters/home`, { headers: { Origin: "https://evil.example" } });
    assert.is(read.headers.get("access-control-allow-origin"), null);
    assert.match(read.headers.get("vary") ?? "", /origin/i);
  });
});

test("another origin's hits are refused before they count, so that its scripts can read that", async () => {
  await withPolicy(SHOP, async ({ url, services }) => {
    const hits: [string, string | undefined][] = [
      ["/hits/home", undefined],
      ["/hits?counter=home", "{}"],
      ["/hits", '{"counter":"home"}'],
    ];
    for (const origin of ["https://evil.example", "null", "https://shop.example.evil.example", "http://shop.example"]) {
      for (const [path, body] of hits) {
        const answer = await post(`${url}${path}`, { Origin: origin, "Content-Type": "text/plain" }, body);
        assert.is(answer.headers.get("access-control-allow-origin"), origin);
        assert.is(answer.headers.get("hit-not-counted"), "ORIGIN_NOT_ALLOWED");
        await expectProblem(answer, 403, "ORIGIN_NOT_ALLOWED");
      }
    }
    assert.equal(services.hits, []);
    assert.is(services.rejected.get("ORIGIN_NOT_ALLOWED"), 12);
  });
});

test("with a proxy, this server's own pages are those of the host that the client requested", async () => {
  const request = (port: number, more: string) =>
    raw(port, `POST /hits/home HTTP/1.1\r\nHost: internal:3000\r\nOrigin: https://hits.example\r\n${more}\r\n`);
  await withPolicy(SHOP, async ({ port }) => {
    expectRawProblem(await request(port, "X-Forwarded-Host: hits.example\r\n"), 403, "ORIGIN_NOT_ALLOWED");
  });
  await withPolicy({ ...SHOP, trustProxy: 1 }, async ({ port }) => {
    assert.is((await request(port, "X-Forwarded-Host: hits.example\r\n")).status, 202);
    assert.is((await request(port, "X-Forwarded-Host: evil.example, hits.example:443\r\n")).status, 202);
    const forged = await request(port, "X-Forwarded-Host: hits.example, other.example\r\n");
    expectRawProblem(forged, 403, "ORIGIN_NOT_ALLOWED");
  });
});

const ADMIN = { adminToken: "s3cret" };

test("with ADMIN_TOKEN, status and list need it as a bearer token", async () => {
  await withPolicy(ADMIN, async ({ url }) => {
    for (const path of ["/status", "/counters", "/counters?prefix=a"]) {
      for (const authorization of [undefined, "Bearer", "Bearer wrong", "Bearer s3cretx", "Basic s3cret", "s3cret"]) {
        const headers = authorization === undefined ? undefined : { Authorization: authorization };
        const answer = await fetch(`${url}${path}`, { ...(headers && { headers }) });
        assert.is(answer.headers.get("www-authenticate"), 'Bearer realm="durable-hits"');
        const { detail } = await expectProblem(answer, 401, "UNAUTHORIZED");
        assert.not.match(String(detail), /s3cret/);
      }
      const answer = await fetch(`${url}${path}`, { headers: { Authorization: "bearer s3cret" } });
      assert.is(answer.status, 200, path);
    }
    const open = ["/counters/home", "/counters?name=home", "/healthz", "/readyz", "/?peek"];
    for (const path of open) assert.is((await fetch(`${url}${path}`)).status, 200, path);
    assert.is((await post(`${url}/hits/home`)).status, 202);
  });
});

test("with ADMIN_TOKEN, public answers do not contain the projections' errors", async () => {
  for (const policy of [{}, ADMIN]) {
    await withPolicy(policy, async ({ url, services }) => {
      services.projections = [
        ...services.projections,
        {
          name: "mongodb",
          checkpoint: 0,
          lag: 1,
          state: "retrying",
          blocked: 0,
          lastError: "no db7.lan",
          since: "2026-01-15T12:00:00Z",
        },
      ];
      const seen = await (await fetch(`${url}/?peek`)).text();
      const abort = new AbortController();
      const stream = await fetch(`${url}/events?counter=home`, { signal: abort.signal });
      const { value } = (await stream.body?.getReader().read()) ?? {};
      const event = Buffer.from(value ?? []).toString();
      abort.abort();
      assert.match(event, /retrying/);
      assert.is(seen.includes("db7.lan"), policy !== ADMIN);
      assert.is(event.includes("db7.lan"), policy !== ADMIN);
    });
  }
});

test("bots are counted, unless COUNT_BOTS=0: then the answer has the reason", async () => {
  await withServer(async ({ url, services }) => {
    assert.is((await post(`${url}/hits/home`, { "User-Agent": BOT })).status, 202);
    assert.is(services.hits.length, 1);
  });
  await withPolicy({ countBots: false }, async ({ url, services }) => {
    assert.is((await post(`${url}/hits/home`, { "User-Agent": BROWSER })).status, 202);
    for (const path of ["/hits/home", "/hits?counter=home", "/hits/home?id=a&n=3"]) {
      const answer = await post(`${url}${path}`, { "User-Agent": BOT });
      assert.is(answer.status, 200);
      assert.is(answer.headers.get("hit-not-counted"), "BOT");
      assert.equal(await answer.json(), { counter: "home", offset: null, count: 1 });
    }
    assert.is(services.hits.length, 1);
    assert.is(services.notCounted.get("BOT"), 3);
    // Bots get errors, too.
    await expectProblem(await post(`${url}/hits/home?n=0`, { "User-Agent": BOT }), 400, "INVALID_N");
    // Only programs send many at once, on purpose.
    const bulk = await post(`${url}/hits`, { "User-Agent": BOT, "Content-Type": "text/plain" }, '{"counter":"a"}');
    assert.is(bulk.status, 202);
  });
});

test("RATE_LIMIT: so many hits from an address, then 429 until the time is over", async () => {
  await withPolicy({ rateLimit: { hits: 3, seconds: 60 } }, async ({ url, services }) => {
    for (let i = 0; i < 3; i++) assert.is((await post(`${url}/hits/home`)).status, 202);
    const refused = await post(`${url}/hits/home`);
    assert.is(refused.headers.get("hit-not-counted"), "RATE_LIMITED");
    const wait = Number(refused.headers.get("retry-after"));
    assert.ok(wait >= 1 && wait <= 60, String(wait));
    await expectProblem(refused, 429, "RATE_LIMITED");
    await expectProblem(await post(`${url}/hits?counter=home`), 429, "RATE_LIMITED");
    const bulk = await post(`${url}/hits`, { "Content-Type": "text/plain" }, '{"counter":"a"}');
    assert.is((await expectProblem(bulk, 429, "RATE_LIMITED"))["code"], "RATE_LIMITED");
    assert.is(services.hits.length, 3);
    assert.is(services.rejected.get("RATE_LIMITED"), 3);
    assert.is((await fetch(`${url}/counters/home`)).status, 200, "reading has no limit");
  });
});

const TEXT = { "Content-Type": "text/plain" };

test("RATE_LIMIT counts n, lines and KiB of a bulk request, whichever is most, rejected lines too", async () => {
  const line = '{"counter":"a"}\n';
  const bodies: [string, number][] = [
    [line.repeat(4), 4],
    ['{"counter":"a","n":7}\n', 7],
    [`${line}nope\n\n{}\n`, 4],
    [`${line}${" ".repeat(4 * 1024)}`, 5],
    [`{"counter":"a","n":7}\nnope\n`, 7],
  ];
  for (const [body, cost] of bodies) {
    await withPolicy({ rateLimit: { hits: cost + 2, seconds: 60 } }, async ({ url }) => {
      assert.is((await post(`${url}/hits`, TEXT, body)).status, 202, body);
      for (const status of [202, 202, 429]) assert.is((await post(`${url}/hits/home`)).status, status, body);
    });
    await withPolicy({ rateLimit: { hits: cost - 1, seconds: 60 } }, async ({ url, services }) => {
      const { detail } = await expectProblem(await post(`${url}/hits`, TEXT, body), 429, "RATE_LIMITED");
      assert.match(String(detail), `counts as ${cost} hits`);
      assert.equal(services.hits, []);
    });
  }
});

test("RATE_LIMIT: a bulk request that is refused costs what reading it costs", async () => {
  await withPolicy({ rateLimit: { hits: 5, seconds: 60 } }, async ({ url, services }) => {
    await expectProblem(await post(`${url}/hits`, TEXT, "nope\nnope\nnope"), 400, "INVALID_BODY");
    await expectProblem(await post(`${url}/hits`, TEXT, '{"counter":"a","n":6}'), 429, "RATE_LIMITED");
    assert.is((await post(`${url}/hits/home`)).status, 202);
    assert.is((await post(`${url}/hits/home`)).status, 429);
    assert.is(services.hits.length, 1);
  });
});

test("RATE_LIMIT counts n and KiB of single hits", async () => {
  await withPolicy({ rateLimit: { hits: 10, seconds: 60 } }, async ({ url }) => {
    assert.is((await post(`${url}/hits/home?n=3`)).status, 202);
    assert.is((await fetch(`${url}/hits/home/pixel.gif?n=3`)).status, 200);
    const payload = JSON.stringify({ a: "x".repeat(2 * 1024) });
    assert.is((await post(`${url}/hits/home`, { "Content-Type": "application/json" }, payload)).status, 202);
    assert.is((await post(`${url}/hits/home`)).status, 202);
    assert.is((await post(`${url}/hits/home`)).status, 429);
    const { detail } = await expectProblem(await post(`${url}/hits/home?n=11`), 429, "RATE_LIMITED");
    assert.match(String(detail), "counts as 11 hits");
  });
});

test("RATE_LIMIT: a request of a client that has used it up is refused before its body has arrived", async () => {
  await withPolicy({ rateLimit: { hits: 1, seconds: 60 } }, async ({ url, port }) => {
    assert.is((await post(`${url}/hits/home`)).status, 202);
    for (const target of ["/hits", "/hits/home"]) {
      const client = new RawClient(port);
      client.send(`POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n`);
      expectRawProblem(await client.answer(), 429, "RATE_LIMITED");
      client.socket.destroy();
    }
  });
});

test("RATE_LIMIT ends with its window", async () => {
  await withPolicy({ rateLimit: { hits: 1, seconds: 1 } }, async ({ url }) => {
    assert.is((await post(`${url}/hits/home`)).status, 202);
    const refused = await post(`${url}/hits/home`);
    assert.is(refused.status, 429);
    await new Promise((resolve) => setTimeout(resolve, Number(refused.headers.get("retry-after")) * 1000));
    assert.is((await post(`${url}/hits/home`)).status, 202);
  });
});

test("requests with ADMIN_TOKEN have no RATE_LIMIT", async () => {
  await withPolicy({ ...ADMIN, rateLimit: { hits: 1, seconds: 60 } }, async ({ url }) => {
    const bearer = { Authorization: "Bearer s3cret" };
    for (let i = 0; i < 3; i++) assert.is((await post(`${url}/hits/home`, bearer)).status, 202);
    assert.is((await post(`${url}/hits/home`)).status, 202);
    assert.is((await post(`${url}/hits/home`)).status, 429);
  });
});

test("with TRUST_PROXY, clients are distinguished by the address from the last trusted proxy", async () => {
  const rateLimit = { hits: 1, seconds: 60 };
  const hit = (url: string, forwarded: string) => post(`${url}/hits/home`, { "X-Forwarded-For": forwarded });
  const warnings = ({ lines }: Running["logger"]) => lines.filter(({ message }) => message.includes("set TRUST_PROXY"));
  await withPolicy({ rateLimit }, async ({ url, logger }) => {
    assert.is((await hit(url, "192.0.2.1")).status, 202);
    assert.is((await hit(url, "192.0.2.2")).status, 429, "no proxy is trusted");
    assert.is(warnings(logger).length, 1, "once");
  });
  await withPolicy({ rateLimit, trustProxy: 1 }, async ({ url, logger }) => {
    assert.is((await hit(url, "192.0.2.1")).status, 202);
    assert.is((await hit(url, "192.0.2.2")).status, 202);
    assert.is(warnings(logger).length, 0);
    assert.is(
      (await hit(url, "192.0.2.9, 192.0.2.1")).status,
      429,
      "an address from the client itself is not believed",
    );
    assert.is((await hit(url, "2001:db8:1:2::1")).status, 202);
    assert.is((await hit(url, "2001:db8:1:2:ffff::2")).status, 429, "the same network");
  });
  await withPolicy({ rateLimit, trustProxy: 2 }, async ({ url }) => {
    assert.is((await hit(url, "192.0.2.1, 198.51.100.1")).status, 202);
    assert.is((await hit(url, "192.0.2.2, 198.51.100.1")).status, 202);
    assert.is((await hit(url, "192.0.2.2, 198.51.100.2")).status, 429);
  });
});

test.run();
