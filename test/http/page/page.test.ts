import { test } from "uvu";
import * as assert from "uvu/assert";
import { PAGE_CSP, pageAssets, renderPage } from "../../../src/http/page/page.js";
import { ago, away, HUGE, projection, up, view, withMongo } from "./views.js";

/** The text of an element without its tags. */
function text(html: string, from: string, to: string): string {
  const start = html.indexOf(from);
  assert.ok(start >= 0, `no ${from}`);
  return html
    .slice(start, html.indexOf(to, start))
    .replace(/<[^>]*>/g, "")
    .replaceAll("\u00a0", " ")
    .trim();
}
const summary = (html: string) => text(html, '<p class="summary">', "</p>");
const notes = (html: string) => text(html, "<dl>", "</dl>");

test("the number, its unit, and the title", () => {
  const html = renderPage(view({ count: 1284093 }));
  assert.match(html, '<span id="number" data-digits="7" aria-hidden="true">1,284,093</span>');
  assert.match(html, '<span class="unseen" id="heard">1,284,093</span>');
  assert.match(html, "<title>1,284,093 hits of home</title>");
  assert.match(html, '<span id="unit">hits</span> of <bdi><code>home</code></bdi>');
  assert.match(renderPage(view({ count: 1 })), "<title>1 hit of home</title>");
  assert.match(renderPage(view({ count: 0 })), "<title>0 hits of home</title>");
});

test("the largest number", () => {
  assert.match(renderPage(view({ count: HUGE })), 'data-digits="16" aria-hidden="true">9,007,199,254,740,991</span>');
  const css = pageAssets.get("page.css")?.body ?? "";
  for (let digits = 1; digits <= 16; digits++) {
    assert.match(css, `[data-digits="${digits}"] {\n  --d: ${digits};\n  --c: ${Math.floor((digits - 1) / 3)};`);
  }
});

test("all input is output as text", () => {
  const evil = `<script>alert("1")</script>'&{{number}}$&`;
  const html = renderPage(
    withMongo(
      { state: "halted", lastError: evil },
      { counter: evil, refused: { code: evil, detail: evil }, incomplete: true },
    ),
  );
  assert.not.match(html, "<script>alert");
  assert.not.match(html, /[^=]'&/);
  const escaped = "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;{{number}}$&amp;";
  assert.match(html, `<bdi><code>${escaped}</code></bdi>`);
  assert.match(html, `<title>1,284 hits of ${escaped}</title>`);
  assert.match(html, `<p class="detail" id="detail">${escaped}</p>`);
  assert.match(html, `<dt>${escaped}</dt><dd>This view was not counted: ${escaped}</dd>`);
  assert.match(html, `data-events="events?counter=${encodeURIComponent(evil).replace("'", "&#39;")}"`);
  assert.is(html.match(/<script/g)?.length, 1);
});

test("names are percent-encoded in URLs", () => {
  const html = renderPage(view({ counter: "/blog/å?&" }));
  assert.match(html, 'data-events="events?counter=%2Fblog%2F%C3%A5%3F%26"');
  assert.match(html, 'data-hits="hits/%2Fblog%2F%C3%A5%3F%26"');
});

test("no MongoDB configured", () => {
  const html = renderPage(view());
  assert.is(summary(html), "Counted from the log on this machine; no MongoDB configured");
  assert.match(html, 'data-state="local"');
});

test("MongoDB is up", () => {
  assert.is(summary(renderPage(up(5))), "MongoDB is up: everything projected");
  assert.match(renderPage(up(5)), 'data-state="up"');
  assert.is(summary(renderPage(withMongo({ lag: 9 }, { pending: 1 }))), "MongoDB is up: 1 hit on its way");
  const moving = renderPage(withMongo({}, { pending: 1200 }));
  assert.is(summary(moving), "MongoDB is up: 1,200 hits on their way");
  assert.match(moving, 'href="#sign-moving"');
});

test("MongoDB is away", () => {
  const html = renderPage(away(1284, 23));
  const pattern = /^MongoDB is away \(1[23] s, since (\d+ \w+ )?\d\d:\d\d:\d\d UTC\): 23 hits pending, safe on disk$/;
  assert.match(summary(html), pattern);
  assert.match(html, '<p class="detail" id="detail">connect ECONNREFUSED</p>');
  assert.match(summary(renderPage(away(5, 0, 200))), /\(3 min 2\d s, since [^)]+\): nothing pending$/);
  assert.match(summary(renderPage(away(5, 1, 3_900))), /\(1 h 5 min, since [^)]+\): 1 hit pending, safe on disk$/);
  assert.match(summary(renderPage(away(5, 1, 200_000))), /\(2 d 7 h, since \d+ \w{3} \d\d:\d\d:\d\d UTC\)/);
  // A clock that was set back must not show a negative time.
  assert.match(summary(renderPage(away(5, 1, -50))), /\(0 s, since /);
  assert.is(
    summary(renderPage(withMongo({ state: "retrying", since: "?" }))),
    "MongoDB is away: nothing pending",
    "a date that can't be read breaks nothing",
  );
});

test("projecting has halted", () => {
  const html = renderPage(
    withMongo({ state: "halted", lastError: "a twin of this log.", since: ago(1) }, { pending: 2 }),
  );
  assert.match(summary(html), /^Projecting into MongoDB has halted \(.+, since .+\): 2 hits pending, safe on disk$/);
  assert.match(html, '<p class="detail" id="detail">a twin of this log</p>');
});

test("a stroke for each pending hit", () => {
  const width = (pending: number) =>
    /id="strokes" x="(-?\d+)" width="(\d+)"/.exec(renderPage(away(9, pending)))?.slice(1);
  assert.equal(width(0), ["0", "0"]);
  assert.equal(width(1), ["-7", "7"]);
  assert.equal(width(7), ["-54", "54"]);
  assert.equal(width(1e9), ["-4000", "4000"]);
});

test("an unknown total is a dash, with the reason", () => {
  const halted = projection("local", { state: "halted", lastError: "the snapshot is damaged." });
  const html = renderPage(view({ count: null, projections: [halted] }));
  assert.match(html, 'data-digits="0" aria-hidden="true">—</span>');
  assert.match(html, "<title>— hits of home</title>");
  assert.match(
    notes(html),
    /Every accepted hit is safe in the log; the total is unknown because the snapshot is damaged\./,
  );
  assert.is(summary(html), "Counting has halted; no MongoDB configured");
  assert.match(notes(renderPage(view({ count: null, projections: [] }))), "because counting has halted.");
  const both = renderPage(view({ count: null, projections: [halted, projection("mongodb", { lag: 8 })] }));
  assert.is(summary(both), "MongoDB is up: 8 hits on their way");
});

test("damage in the log", () => {
  assert.match(
    notes(renderPage(view({ incomplete: true }))),
    "Damage was found in the log: the true count may be higher.",
  );
  assert.not.match(renderPage(view()), "Damage was found");
});

test("a view that was refused", () => {
  for (const code of ["QUEUE_FULL", "DISK_FULL", "CLOSING", "COUNT_LIMIT"]) {
    const html = notes(renderPage(view({ refused: { code, detail: "no room." } })));
    assert.match(html, `${code}This view was not counted: no room.`);
  }
  for (const code of ["LOG_FAILED", "INTERNAL"]) {
    const html = notes(renderPage(view({ refused: { code, detail: "EIO" } })));
    assert.match(html, `${code}It is unknown whether this view was counted: EIO`);
    assert.not.match(html, "not counted");
  }
});

test("the policy allows nothing from other origins and nothing inline", () => {
  const policy = new Map(PAGE_CSP.split("; ").map((rule) => [rule.split(" ")[0], rule.split(" ").slice(1).join(" ")]));
  assert.is(policy.get("default-src"), "'none'");
  for (const own of ["script-src", "style-src", "connect-src"]) assert.is(policy.get(own), "'self'");
  for (const none of ["base-uri", "form-action", "frame-ancestors"]) assert.is(policy.get(none), "'none'");
  assert.not.match(PAGE_CSP, /unsafe|\*|http/);
  const html = renderPage(view());
  assert.not.match(html, /\sstyle=|<style|\son\w+=/);
  assert.not.match(html, /<script(?![^>]* src="page\.js")/);
});

test("the page refers only to its own assets, relatively", () => {
  const everything = [renderPage(view()), ...[...pageAssets.values()].map((asset) => asset.body)].join("\n");
  assert.equal(everything.match(/https?:\/\/[^\s"'`]*/g), ["http://www.w3.org/2000/svg"], "the favicon's xmlns only");
  assert.not.match(everything, /@import|url\((?!#)/);
  const targets = [...renderPage(view()).matchAll(/\s(?:href|src)="([^"]*)"/g)].map((match) => match[1] ?? "");
  const outward = targets.filter((target) => !target.startsWith("#") && !target.startsWith("data:"));
  assert.equal(outward.sort(), ["?peek", "counters", "dashboard", "embed", "page.css", "page.js", "status"]);
});

test("assets", () => {
  assert.equal([...pageAssets.keys()].sort(), ["page.css", "page.js"]);
  assert.is(pageAssets.get("page.css")?.type, "text/css; charset=utf-8");
  assert.is(pageAssets.get("page.js")?.type, "text/javascript; charset=utf-8");
  const bytes = [renderPage(view()), ...[...pageAssets.values()].map((asset) => asset.body)].reduce(
    (sum, body) => sum + Buffer.byteLength(body),
    0,
  );
  assert.ok(bytes < 24 * 1024, `${bytes} bytes`);
  assert.not.match(pageAssets.get("page.js")?.body ?? "", /\bfetch\(|XMLHttpRequest|sendBeacon/);
});

test("contrast: text at least 4.5 to 1, dark and light", () => {
  const css = pageAssets.get("page.css")?.body ?? "";
  const schemes = css.split("@media (prefers-color-scheme: dark)").slice(0, 2);
  assert.is(schemes.length, 2);
  const luminance = (hex: string) => {
    const [r = 0, g = 0, b = 0] = [1, 3, 5].map((i) => {
      const c = Number.parseInt(hex.slice(i, i + 2), 16) / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  for (const scheme of schemes) {
    const colour = (name: string) => luminance(new RegExp(`--${name}: (#\\w{6})`).exec(scheme)?.[1] ?? "");
    for (const name of ["ink", "soft", "up", "away", "halted"]) {
      const [low = 0, high = 0] = [colour(name), colour("paper")].sort((a, b) => a - b);
      assert.ok((high + 0.05) / (low + 0.05) >= 4.5, name);
    }
  }
});

test.run();
