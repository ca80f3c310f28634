/** hits.js as served. Its behaviour is tested in a browser: views.test.ts, outbox.slow.test.ts. */
import { Script } from "node:vm";
import { gunzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { buildHitsScript, hitsScriptHeaders, keepMsOf } from "../../../src/http/script/script.js";

const script = buildHitsScript(82_800_000);

test("less than 2 KiB, gzipped", () => {
  for (const days of [1, 365]) {
    const { length } = buildHitsScript(keepMsOf(days * 86_400_000)).gzipped;
    assert.ok(length < 2048, `${length} bytes`);
  }
  assert.is(gunzipSync(script.gzipped).toString(), script.body);
});

test("a classic script that parses, without comments apart from the first line", () => {
  new Script(script.body);
  const [first, ...rest] = script.body.split("\n");
  assert.match(first ?? "", /^\/\/ durable-hits: /);
  assert.equal(
    rest.filter((line) => /^\s|^\/\/|\/\*/.test(line)),
    [],
  );
  assert.not.match(script.body, /\?\.|\?\?/, "newer than ES2019");
  assert.not.match(script.body, "console");
});

test("type, entity tag and headers", () => {
  assert.is(script.type, "text/javascript; charset=utf-8");
  assert.match(script.etag, /^W\/"[\w-]{22}"$/);
  assert.equal(hitsScriptHeaders, {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cache-Control": "public, max-age=3600",
  });
});

test("unsent hits are kept for less time than their ids, and long enough to be sent", () => {
  assert.is(keepMsOf(86_400_000), 82_800_000);
  assert.is(keepMsOf(30 * 86_400_000), 30 * 82_800_000);
  assert.is(keepMsOf(0), 60_000);
  assert.match(buildHitsScript(keepMsOf(0)).body, "Date.now() - 60000)");
  assert.not.match(script.body, "KEEP_MS");
  assert.not(script.etag === buildHitsScript(1).etag);
});

test("outside a page it does nothing, and does not throw", () => {
  new Script(script.body).runInNewContext({ document: { currentScript: null } });
  new Script(script.body).runInNewContext({});
});

test.run();
