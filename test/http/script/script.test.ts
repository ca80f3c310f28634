/** What is served as hits.js, as bytes. What it does is tested in a browser: views.test.ts, outbox.test.ts. */
import { Script } from "node:vm";
import { gunzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hitsScript, hitsScriptHeaders } from "../../../src/http/script/script.js";

test("less than 2 KiB, gzipped", () => {
  const { length } = hitsScript.gzipped;
  assert.ok(length < 2048, `${length} bytes`);
  assert.is(gunzipSync(hitsScript.gzipped).toString(), hitsScript.body);
});

test("a classic script that parses, without comments but the first line", () => {
  new Script(hitsScript.body);
  const [first, ...rest] = hitsScript.body.split("\n");
  assert.match(first ?? "", /^\/\/ durable-hits: /);
  assert.equal(
    rest.filter((line) => /^\s|^\/\/|\/\*/.test(line)),
    [],
  );
  assert.not.match(hitsScript.body, /\?\.|\?\?/, "newer than ES2019");
  assert.not.match(hitsScript.body, "console");
});

test("type, entity tag and headers", () => {
  assert.is(hitsScript.type, "text/javascript; charset=utf-8");
  assert.match(hitsScript.etag, /^W\/"[\w-]{22}"$/);
  assert.equal(hitsScriptHeaders, {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cache-Control": "public, max-age=3600",
  });
});

test("outside of a page it does nothing, and doesn't throw", () => {
  new Script(hitsScript.body).runInNewContext({ document: { currentScript: null } });
  new Script(hitsScript.body).runInNewContext({});
});

test.run();
