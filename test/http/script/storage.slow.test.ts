/** The storage of hits.js: bounded, shared with the page's own data, and missing. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { until } from "../chromium.js";
import { keeps, kept } from "./pages.js";
import { onSite, settles } from "./site.js";

const POST = "/blog/post";

onSite("the newest fifty are kept, for 23 hours", async ({ server, open }) => {
  server.mood = 503;
  const page = await open();
  await keeps(page, 1);
  const put = (hours: number) =>
    page.evaluate(`
    localStorage["durable-hits ${server.url} " + (Date.now() - ${hours} * 36e5 + 60_000) + " x${hours}"] =
      "counter=old&id=x${hours}&n=1 ";
  `);
  await put(23);
  await put(23.1);
  await page.evaluate(`localStorage["of the page"] = localStorage["durable-hits of the page"] = "1"`);
  server.mood = "count";
  await page.evaluate(`dispatchEvent(new Event("online"))`);
  await settles(server, POST, 1);
  await settles(server, "old", 1);
  await keeps(page, 0);
  server.mood = 503;
  await page.evaluate(`(async () => {
    for (let i = 0; i < 70; i++) {
      durableHits.hit("many", { payload: { i } });
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  })()`);
  await keeps(page, 50);
  server.mood = "count";
  await page.evaluate(`dispatchEvent(new Event("online"))`);
  await settles(server, "many", 50);
  const sent = server.sent.filter(({ counter, status }) => counter === "many" && status === 202);
  assert.equal(sent.map(({ payload }) => payload).at(-1), '{"i":20}');
  assert.is(await page.evaluate("Object.keys(localStorage).length"), 2, "the page's own is left alone");
});

const FULL = `
  for (let size = 1 << 22; size >= 1; size >>= 1) {
    try {
      for (let i = 0; ; i++) localStorage.setItem("full " + size + " " + i, "x".repeat(size));
    } catch {}
  }
`;
const BLOCKED = `Object.defineProperty(window, "localStorage", { get() { throw new DOMException("no", "SecurityError"); } })`;
for (const [what, init] of [
  ["full", FULL],
  ["blocked", BLOCKED],
] as const) {
  onSite(
    `the storage is ${what}: kept in memory`,
    async ({ server, open }) => {
      server.mood = 503;
      const page = await open();
      await page.waitForFunction("window.durableHits");
      await page.evaluate(`durableHits.hit("/blog/post")`);
      await until("a try", () => server.sent.length >= 1);
      if (what === "full") assert.equal(await kept(page), []);
      server.mood = "count";
      await settles(server, POST, 2);
      server.mood = 503;
      await page.evaluate(`durableHits.hit("/blog/post")`);
      await until("a refusal", () => server.sent.at(-1)?.status === 503);
      server.mood = "count";
      await page.goto("about:blank");
      await settles(server, POST, 3);
      assert.is(server.sent.at(-1)?.beacon, true);
    },
    { init },
  );
}

onSite("in a sandboxed frame, without an origin, storage or locks", async ({ server, context, address }) => {
  const page = await context.newPage();
  await page.goto(address("data-count=off", "/outer"));
  server.mood = 503;
  await page.evaluate(`
    const frame = document.createElement("iframe");
    frame.sandbox = "allow-scripts";
    frame.src = ${JSON.stringify(address("data-show", "/inner"))};
    document.body.append(frame);
  `);
  await until("a try", () => server.sent.length >= 1);
  server.mood = "count";
  await settles(server, "/inner", 1);
});

onSite(
  "in memory only, and the page is closed while the server hangs: a beacon",
  async ({ server, open }) => {
    server.mood = "hang";
    const page = await open();
    await until("a try", () => server.sent.length === 1);
    server.mood = "count";
    await page.goto("about:blank");
    await settles(server, POST, 1);
    assert.equal(
      server.sent.map(({ beacon }) => beacon),
      [false, true],
    );
  },
  { init: BLOCKED },
);

test.run();
