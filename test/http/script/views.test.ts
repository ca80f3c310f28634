/** The hits that hits.js counts, what it sends and what it shows, on another site's page in a real browser. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { until } from "../chromium.js";
import { keeps, kept } from "./pages.js";
import { onSite, settles } from "./site.js";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

onSite(
  "one view per load, with an id, and little else",
  async ({ server, context, open, address }) => {
    await context.addCookies([{ name: "who", value: "x", url: server.url, sameSite: "Lax" }]);
    const page = await open();
    await settles(server, "/blog/post", 1);
    await keeps(page, 0);
    await page.goto(address("", "/blog/other"), { referer: "https://news.example/secret?q=1" });
    await settles(server, "/blog/other", 1);
    assert.equal(
      server.sent.map(({ id, ...rest }) => ({ ...rest, id: UUID.test(id) })),
      [
        { counter: "/blog/post", payload: '{"lang":"de-CH"}' },
        { counter: "/blog/other", payload: '{"lang":"de-CH","ref":"https://news.example"}' },
      ].map((one) => ({
        ...one,
        id: true,
        n: 1,
        type: "text/plain;charset=UTF-8",
        cookie: undefined,
        beacon: false,
        status: 202,
      })),
    );
    await page.goto("about:blank");
    await settles(server, "/blog/other", 1);
    assert.is(server.sent.length, 2, "nothing is left for a beacon");
    assert.equal(await context.cookies(server.url).then((all) => all.map(({ name }) => name)), ["who"]);
  },
  { locale: "de-CH" },
);

onSite("the counter that the page names, with any characters", async ({ server, open }) => {
  await open(`data-counter="a b&amp;n=9/ü+%2F#"`);
  await settles(server, "a b&n=9/ü+%2F#", 1);
});

onSite("the page's own hits, and a single global", async ({ server, open }) => {
  const page = await open();
  await settles(server, "/blog/post", 1);
  assert.equal(await page.evaluate("Object.keys(durableHits)"), ["hit"]);
  const answers = await page.evaluate(`[
    durableHits.hit("sign up", { n: 5, payload: { plan: "free" } }),
    durableHits.hit("sign up"),
    durableHits.hit(),
    durableHits.hit("\\ud800"),
    durableHits.hit("x", null),
  ].length`);
  assert.is(answers, 5, "none throws");
  await settles(server, "sign up", 6);
  await settles(server, "/blog/post", 2);
  assert.equal(server.sent.find(({ n }) => n === 5)?.payload, '{"plan":"free"}');
  await keeps(page, 0);
});

onSite("a payload that no server accepts does not block others", async ({ server, open }) => {
  const page = await open();
  await settles(server, "/blog/post", 1);
  server.mood = 413;
  await page.evaluate(`durableHits.hit("large", { payload: { text: "x".repeat(200_000) } })`);
  await until("a refusal", () => server.sent.some(({ status }) => status === 413));
  await keeps(page, 0);
  server.mood = "count";
  await page.evaluate(`durableHits.hit("small")`);
  await settles(server, "small", 1);
});

const HIDE = `
  let hidden = true, prerendering = PRERENDERING;
  Object.defineProperty(document, "hidden", { get: () => hidden && !prerendering });
  Object.defineProperty(document, "prerendering", { get: () => prerendering });
  addEventListener("reveal", () => {
    hidden = prerendering = false;
    document.dispatchEvent(new Event(PRERENDERING ? "prerenderingchange" : "visibilitychange"));
  });
`;
for (const [what, prerendering] of [
  ["prerendered", true],
  ["opened in the background", false],
] as const) {
  onSite(
    `a page that is ${what} is a view once it is seen`,
    async ({ server, open }) => {
      const page = await open("data-show");
      await page.waitForFunction("window.durableHits");
      await page.waitForTimeout(200);
      assert.equal(server.sent, []);
      assert.is(server.streams, 0);
      await page.evaluate(`dispatchEvent(new Event("reveal"))`);
      await settles(server, "/blog/post", 1);
      await until("a stream", () => server.streams === 1);
    },
    { init: HIDE.replaceAll("PRERENDERING", String(prerendering)) },
  );
}

onSite("back from the back/forward cache is a view again", async ({ server, open }) => {
  const page = await open();
  await settles(server, "/blog/post", 1);
  const shown = (persisted: boolean) =>
    page.evaluate(`dispatchEvent(new PageTransitionEvent("pageshow", { persisted: ${persisted} }))`);
  await shown(false);
  await settles(server, "/blog/post", 1);
  await shown(true);
  await settles(server, "/blog/post", 2);
  assert.is(server.ids, 2);
});

const ASKS = {
  "Do Not Track": `Object.defineProperty(Navigator.prototype, "doNotTrack", { get: () => "1" })`,
  "Global Privacy Control": `Object.defineProperty(Navigator.prototype, "globalPrivacyControl", { get: () => true })`,
};
for (const [ask, init] of Object.entries(ASKS)) {
  onSite(
    `${ask}: counted, nothing sent about the reader, nothing stored`,
    async ({ server, open }) => {
      const page = await open();
      await settles(server, "/blog/post", 1);
      server.mood = "cut";
      await page.evaluate(`durableHits.hit("later", { payload: { who: "me" } })`);
      await until("a try", () => server.sent.length > 1);
      assert.is(await page.evaluate("localStorage.length + sessionStorage.length"), 0);
      assert.is(await page.evaluate("document.cookie"), "");
      server.mood = "count";
      // The hit is in memory only, so a beacon is its last chance.
      await page.goto("about:blank");
      await settles(server, "later", 1);
      assert.equal(
        server.sent.filter(({ status }) => status === 202).map(({ payload, beacon }) => [payload, beacon]),
        [
          ["", false],
          ["", true],
        ],
      );
      assert.is(new Set(server.sent.map(({ id }) => id)).size, 2);
    },
    { init },
  );
}

onSite("data-show: the count of the answer, then live, only while the page is visible", async ({ server, open }) => {
  server.add("/blog/post", 1283);
  // In the head, before there is an element to show it in.
  const page = await open(
    `data-show=".hits"></script><p class="hits"></p><p>and <b class="hits">?</b></p><script type="text/plain"`,
  );
  const reads = (text: string) =>
    page.waitForFunction(`[...document.querySelectorAll(".hits")].every((one) => one.textContent === "${text}")`);
  await reads("1,284");
  await until("a stream", () => server.streams === 1);
  server.add("/blog/post", 16);
  await reads("1,300");
  const hide = (hidden: boolean) =>
    page.evaluate(`
      Object.defineProperty(document, "hidden", { configurable: true, value: ${hidden} });
      document.dispatchEvent(new Event("visibilitychange"));
    `);
  await hide(true);
  await until("no stream", () => server.streams === 0);
  server.add("/blog/post", 1);
  await hide(false);
  await reads("1,301");
  assert.is(server.streams, 1);
  assert.is(server.counts.get("/blog/post"), 1301, "seen again is no new view");
});

onSite("data-show without a value: where the script is", async ({ server, open }) => {
  const page = await open("data-show", "/p", "<p>Hits: ");
  await page.waitForFunction(`document.querySelector("p > script + span").textContent === "1"`);
  server.add("/p", 1);
  await page.waitForFunction(`document.querySelector("p").innerText === "Hits: 2"`);
});

onSite("an old count never replaces a newer one", async ({ server, open }) => {
  server.mood = "swallow";
  const page = await open(`data-show="#n"`, "/p", `<p id="n">`);
  await page.waitForFunction("window.n.textContent === '1'");
  server.add("/p", 8);
  server.mood = "count";
  // The retry gets the count of its first try.
  await until("a retry", () => server.sent.some(({ status }) => status === 202));
  await keeps(page, 0);
  assert.is(await page.locator("#n").textContent(), "9");
});

onSite("data-count=off: shows, and counts nothing", async ({ server, open }) => {
  server.add("/p", 7);
  const page = await open(`data-count="off" data-show="#n"`, "/p", `<p id="n">`);
  await page.waitForFunction("window.n.textContent === '7'");
  await page.evaluate(`dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }))`);
  await page.waitForTimeout(200);
  assert.equal(server.sent, []);
});

onSite("an invalid selector, and one without a match, break nothing", async ({ server, open }) => {
  const page = await open(`data-show="]["`);
  await settles(server, "/blog/post", 1);
  await open(`data-show="#nowhere"`);
  await settles(server, "/blog/post", 2);
  await until("streams", () => server.streams === 2);
  server.add("/blog/post", 1);
  assert.equal(await kept(page), []);
});

onSite("two scripts on one page: each has its counter", async ({ server, open }) => {
  const page = await open(
    `data-show="#b"`,
    "/p",
    `<p id="a"><p id="b"><script async src="${server.url}hits.js" data-counter="site" data-show="#a"></script>`,
  );
  server.add("site", 10);
  await settles(server, "/p", 1);
  await settles(server, "site", 11);
  await page.waitForFunction("window.a.textContent === '11' && window.b.textContent === '1'");
});

test.run();
