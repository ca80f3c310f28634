/** The page in a real browser. Without one (`CHROMIUM_PATH`, or Chromium in the usual places) each test is skipped. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { until } from "../chromium.js";
import { reads } from "../opened-page.js";
import { onPage } from "./browser.js";
import { away, HUGE, projection, up, view, withMongo } from "./views.js";

onPage("the number, the title and the state follow live: up, away, back", up(1284), async ({ server, page }) => {
  await until("a stream", () => server.streams === 1);
  await reads(page, ".summary", /^MongoDB is up: everything projected$/);
  server.show(up(1285));
  await reads(page, "#heard", /^1,285$/);
  await reads(page, "#number", /^1,285$/);
  assert.is(await page.title(), "1,285 hits of home");
  assert.is(await page.locator("#number > [data-was]").count(), 1, "only the digit that changed turns");
  server.show(away(1308, 23));
  await reads(
    page,
    ".summary",
    /^MongoDB is away \(\d+ s, since (\d+ \w+ )?\d\d:\d\d:\d\d\): 23 hits pending, safe on disk$/,
  );
  await reads(page, ".summary", /\((1[4-9]|2\d) s, /);
  await reads(page, "#detail", /^connect ECONNREFUSED$/);
  assert.is(await page.locator("#sign").getAttribute("href"), "#sign-away");
  assert.is(await page.locator("#strokes").getAttribute("width"), "181");
  server.show(withMongo({}, { count: 1308, pending: 2 }));
  await reads(page, ".summary", /^MongoDB is up: 2 hits on their way$/);
  server.show(up(10_000));
  await reads(page, "#number", /^10,000$/);
  await reads(page, ".summary", /^MongoDB is up: everything projected$/);
  assert.not.ok(await page.locator("#detail").isVisible());
  assert.is(server.pageLoads, 1);
});

onPage("the server stops and restarts: the number stays, then continues", up(57), async (opened) => {
  const { server, page, complaints } = opened;
  await until("a stream", () => server.streams === 1);
  await server.stop();
  await reads(page, ".summary", /^Connection lost, trying again…$/);
  await reads(page, "#detail", /^Data shown is from \d\d:\d\d:\d\d$/);
  await reads(page, "#number", /^57$/);
  assert.is(await page.locator("#sign").getAttribute("href"), "#sign-lost");
  server.view = up(58);
  await server.start();
  await reads(page, "#number", /^58$/);
  await reads(page, ".summary", /^MongoDB is up: everything projected$/);
  // The browser itself reports each refused connection; nothing else may be in the console.
  const own = complaints.splice(0).filter((line) => !line.includes("net::ERR_"));
  assert.equal(own, []);
});

onPage(
  "an answer of 503, after which an EventSource never reconnects",
  up(57),
  async ({ server, page, complaints }) => {
    await until("a stream", () => server.streams === 1);
    server.refusing = true;
    await server.stop();
    await server.start();
    await until("a second try", () => server.refusals >= 2);
    await reads(page, ".summary", /^Connection lost/);
    server.refusing = false;
    await reads(page, ".summary", /^MongoDB is up/);
    const own = complaints.splice(0).filter((line) => !line.includes("net::ERR_") && !line.includes("503"));
    assert.equal(own, []);
  },
);

onPage(
  "a stream that is cut and reconnects at once is not shown as lost",
  up(57),
  async ({ server, page, complaints }) => {
    await until("a stream", () => server.streams === 1);
    // The next try comes at once only if the connection lasted.
    await page.waitForTimeout(5_100);
    await page.evaluate(`
    seen = [];
    new MutationObserver(() => seen.push(lead.textContent)).observe(lead, { childList: true });
  `);
    server.cut();
    await until("no stream", () => server.streams === 0);
    await until("a new one", () => server.streams === 1);
    server.show(up(58));
    await reads(page, "#number", /^58$/);
    assert.equal(await page.evaluate("seen"), []);
    complaints.splice(0, complaints.filter((line) => line.includes("net::ERR_")).length);
  },
);

onPage("a total that becomes unknown, and damage", view(), async ({ server, page }) => {
  await reads(page, ".summary", /^Counted from the log on this machine; no MongoDB configured$/);
  await reads(page, "dl > div", /^$/);
  const halted = projection("local", { state: "halted", lastError: "a snapshot is damaged" });
  server.show(view({ count: null, projections: [halted] }));
  await reads(page, "#number", /^—$/);
  await reads(
    page,
    "dl > div",
    /^Total unknownEvery accepted hit is safe in the log; .+ because a snapshot is damaged\.$/,
  );
  server.show(view({ incomplete: true }));
  await reads(page, "#number", /^1,284$/);
  await reads(page, "dl > div", /^IncompleteDamage was found in the log: the true count may be higher\.$/);
});

const REFUSED = { code: "DISK_FULL", detail: "no room" };

onPage("a refused view stays refused", view({ refused: REFUSED }), async ({ server, page }) => {
  await until("a stream", () => server.streams === 1);
  server.show(view({ count: 1285 }));
  await reads(page, "#number", /^1,285$/);
  await reads(page, "dl > div", /^DISK_FULLThis view was not counted: no room$/);
});

onPage("a hidden page has no stream; shown again, it is up to date", up(5), async ({ server, page }) => {
  const hide = (hidden: boolean) =>
    page.evaluate(`
      Object.defineProperty(document, "hidden", { configurable: true, value: ${hidden} });
      document.dispatchEvent(new Event("visibilitychange"));
    `);
  await until("a stream", () => server.streams === 1);
  await hide(true);
  await until("no stream", () => server.streams === 0);
  server.show(up(9));
  await hide(false);
  await reads(page, "#number", /^9$/);
  await page.evaluate(`dispatchEvent(new Event("pagehide"))`);
  await until("no stream", () => server.streams === 0);
  server.show(up(11));
  await page.evaluate(`dispatchEvent(new Event("pageshow"))`);
  await reads(page, "#number", /^11$/);
  await page.evaluate(`dispatchEvent(new Event("pageshow"))`);
  assert.is(server.streams, 1);
});

onPage("screen readers announce a storm of changes once", up(1), async ({ server, page }) => {
  const started = Date.now();
  await until("a stream", () => server.streams === 1);
  await page.evaluate(`
    announced = [];
    new MutationObserver(() => announced.push(spoken.textContent)).observe(spoken, { childList: true });
  `);
  for (let n = 1; n <= 60; n++) {
    server.show(n % 2 === 0 ? away(n, 1) : up(n));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await until("an announcement", async () => (await page.evaluate("announced.length")) !== 0);
  assert.ok(Date.now() - started > 4_000);
  assert.equal(await page.evaluate("announced"), ["60 hits of home. MongoDB is away"]);
});

for (const reducedMotion of ["no-preference", "reduce"] as const) {
  onPage(
    `a digit that changes moves, unless motion is unwanted: ${reducedMotion}`,
    up(21),
    async ({ server, page }) => {
      await until("a stream", () => server.streams === 1);
      server.show(up(22));
      await reads(page, "#number", /^22$/);
      const animation = await page.evaluate(`getComputedStyle(document.querySelector("[data-was]")).animationName`);
      assert.is(animation, reducedMotion === "reduce" ? "none" : "rise");
    },
    { reducedMotion },
  );
}

onPage(
  "times are in the reader's time zone; durations are right although the reader's clock is an hour off",
  away(5, 1, 12),
  async ({ server, page }) => {
    await until("a stream", () => server.streams === 1);
    await reads(page, ".summary", /^MongoDB is away \((\d+ min )?\d+ s, since (\d+ \w+ )?\d\d:\d\d:\d\d\)/);
    const since = server.view.projections[1]?.since ?? "";
    const time = new Date(since).toLocaleTimeString("en-GB", { timeZone: "Asia/Kolkata" });
    await reads(page, "#rest", new RegExp(` ${time}\\)`));
  },
  {
    timezoneId: "Asia/Kolkata",
    init: `
      const now = Date.now;
      Date.now = () => now() + 3_600_000;
      Object.defineProperty(performance, "timeOrigin", { value: performance.timeOrigin + 3_600_000 });
    `,
  },
);

onPage("a command to count, with this server's address, and keyboard access to everything", view(), async (opened) => {
  const { server, page } = opened;
  await reads(page, "#command", /^curl -X POST http:/);
  assert.is(await page.locator("#command").textContent(), `curl -X POST ${server.url}hits/home`);
  const reached: (string | null)[] = [];
  for (let i = 0; i < 6; i++) {
    await page.keyboard.press("Tab");
    reached.push(await page.locator(":focus").textContent());
  }
  assert.equal(reached, ["Dashboard", "Status", "Counters", "Count your pages", "Look without counting", "Copy"]);
});

const STATES = {
  up: up(1284),
  away: away(48_213, 9_000),
  huge: view({ count: HUGE }),
  refused: view({ refused: REFUSED }),
  "long name": view({ counter: "/a/".repeat(60), incomplete: true }),
};

for (const width of [360, 1440]) {
  for (const colorScheme of ["light", "dark"] as const) {
    for (const javaScriptEnabled of [true, false]) {
      onPage(
        `fits ${width} px, ${colorScheme}, script ${javaScriptEnabled ? "on" : "off"}`,
        view(),
        async ({ server, page }) => {
          for (const [name, state] of Object.entries(STATES)) {
            server.view = state;
            await page.goto(server.url);
            const number = await page.locator("#number").boundingBox();
            assert.ok(number);
            const end = number.x + number.width;
            assert.ok(number.x >= 0 && end <= width, `${name}: the number ends at ${end}`);
            assert.ok(number.width > width * 0.6, `${name}: the number is ${number.width} wide`);
            assert.is(await page.evaluate("document.documentElement.scrollWidth"), width, name);
            const paper = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor");
            assert.is(paper, colorScheme === "dark" ? "rgb(18, 18, 17)" : "rgb(251, 251, 249)");
          }
        },
        { viewport: { width, height: 800 }, colorScheme, javaScriptEnabled },
      );
    }
  }
}

test.run();
