/** The dashboard in a real browser. Without one (`CHROMIUM_PATH`, or Chromium in the usual places) each test is skipped. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { until } from "../chromium.js";
import { reads } from "../opened-page.js";
import { dropNetworkErrors, onDashboard } from "./browser.js";
import { ago, counters, DAMAGE, dashboardData, GIB, historyOf, local, logOf, mongodb, top } from "./data.js";

const awayData = () =>
  dashboardData({
    projections: [local(), mongodb({ state: "retrying", lag: 8231, since: ago(720.5), lastError: "ECONNREFUSED" })],
    counters: counters(top("/", 7000, { pending: 8000, incomplete: true }), top("/about", 2800, { pending: 231 })),
    log: logOf({ damage: { total: 1, first: [DAMAGE] } }),
    history: historyOf([200, 0, 1], [210, 1000, 2], [220.4, 8231, 2]),
  });

onDashboard("all figures, and they follow live without a reload", dashboardData(), async ({ server, page }) => {
  await reads(page, "#connection", /^Live/);
  await reads(page, ".well", /^Nothing needs attention\.$/);
  await reads(page, "#rate", /^12$/);
  await reads(page, "#mongo", /^Up$/);
  await reads(page, "#owed", /^0$/);
  await reads(page, "#size", /^1\.2 GiB$/);
  await reads(page, "#free", /^40\.0 GiB$/);
  await reads(page, "#damage", /^None$/);
  await reads(page, "#top tbody tr", /^\/6,2000 \| \/about2,8000$/);
  await page.evaluate("stays = true");
  const later = awayData();
  server.data = () => later;
  await reads(page, "#mongo", /^Away$/);
  await reads(page, "#owed", /^8,231$/);
  await reads(page, "#owed-more", /^hits of 2 counters$/);
  await reads(page, "#rate", /^220$/);
  await reads(page, "#problems h3", /^The log is damaged in 1 place \| MongoDB has been away for 12 min$/);
  await reads(page, "#problems", /What to do: Check the disk first/);
  await reads(page, "#top tbody tr", /^\/7,0008,000 \| /);
  assert.not.ok(await page.locator(".well").isVisible());
  assert.is(await page.title(), "(2) Dashboard · durable-hits");
  server.data = () => dashboardData({ log: logOf({ bytes: 2 * GIB }) });
  await reads(page, "#size", /^2\.0 GiB$/);
  await reads(page, ".well", /^Nothing/);
  assert.is(await page.locator(".problem").count(), 0);
  assert.ok(await page.evaluate("stays"));
});

onDashboard("one request at a time, and only samples that are new", dashboardData(), async ({ server, page }) => {
  await until("two requests", () => server.asked.length >= 2);
  assert.equal(server.asked.slice(0, 2), [0, 2]);
  let open = () => {};
  server.gate = new Promise((resolve) => {
    open = resolve;
  });
  await until("a request that is not answered", () => server.open === 1);
  // Events that would request more while that one is pending.
  await page.evaluate(`for (let i = 0; i < 5; i++) dispatchEvent(new Event("online"))`);
  await page.evaluate("fetch('dashboard.css').then((answer) => answer.text())");
  assert.is(server.mostOpen, 1);
  open();
  await until("no request", () => server.open === 0);
});

onDashboard(
  "another process: its whole history is requested, and the hour before stays",
  awayData(),
  async (opened) => {
    const { server, page } = opened;
    await until("asked again", () => server.asked.length >= 2);
    const fresh = dashboardData({ log: logOf({ epoch: 8 }), history: { ...historyOf([1, 0, 1]), last: 50 } });
    const asked = server.asked.length;
    server.data = () => fresh;
    await until("all of it", () => server.asked.slice(asked + 1).includes(0));
    assert.match((await page.locator("#owed-words").textContent()) ?? "", /^Highest 8,231/);
  },
);

onDashboard("the server stops and restarts: figures stay, with their time", awayData(), async (opened) => {
  const { server, page, complaints } = opened;
  await reads(page, "#owed", /^8,231$/);
  await server.stop();
  await reads(page, "#connection", /^Connection lost, trying again… Data shown is from \d\d:\d\d:\d\d\.$/);
  await reads(page, "#owed", /^8,231$/);
  assert.is(await page.locator("#connection").getAttribute("data-sign"), "lost");
  await until("the announcement", async () => /lost/.test((await page.locator("#spoken").textContent()) ?? ""));
  server.data = () => dashboardData();
  await server.start();
  await reads(page, "#connection", /^Live/);
  await reads(page, "#owed", /^0$/);
  dropNetworkErrors(complaints);
});

onDashboard("while the server is away, nothing is shown as fine", dashboardData(), async (opened) => {
  const { server, page, complaints } = opened;
  await reads(page, ".well", /^Nothing/);
  await server.stop();
  await reads(page, "#connection", /^Connection lost/);
  assert.not.ok(await page.locator(".well").isVisible());
  await server.start();
  await reads(page, ".well", /^Nothing/);
  dropNetworkErrors(complaints);
});

onDashboard("a hidden tab requests nothing; shown again, it is up to date at once", dashboardData(), async (opened) => {
  const { server, page } = opened;
  const hide = (hidden: boolean) =>
    page.evaluate(`
      Object.defineProperty(document, "hidden", { configurable: true, value: ${hidden} });
      document.dispatchEvent(new Event("visibilitychange"));
    `);
  await reads(page, "#connection", /^Live/);
  await hide(true);
  await until("no request", () => server.open === 0);
  const asked = server.asked.length;
  await page.waitForTimeout(2_500);
  assert.is(server.asked.length, asked);
  server.data = awayData;
  await hide(false);
  await reads(page, "#mongo", /^Away$/);
});

onDashboard(
  "with a token: the form, a wrong one, the right one, kept in this tab only, and forgotten",
  dashboardData(),
  async ({ server, page, complaints }) => {
    await reads(page, "#door", /This dashboard needs the admin token/);
    assert.is(await page.evaluate("document.activeElement.id"), "token");
    await page.keyboard.type("wrong");
    await page.keyboard.press("Enter");
    await reads(page, "#why", /^That is not this server’s token\.$/);
    assert.is(await page.locator("#token").getAttribute("aria-invalid"), "true");
    assert.is(await page.locator("#token").getAttribute("type"), "password");
    await page.keyboard.type("with a space");
    await page.keyboard.press("Enter");
    await reads(page, "#why", /without spaces/);
    assert.not.ok(await page.locator("#content").isVisible());
    assert.equal(server.asked, []);
    await page.locator("#token").fill("s3cret");
    await page.keyboard.press("Enter");
    await reads(page, "#rate", /^12$/);
    assert.not.ok(await page.locator("#door").isVisible());
    assert.not.ok(page.url().includes("s3cret"));
    // These links would only lead to a refusal.
    assert.not.ok(await page.locator("#status-link").isVisible());
    await page.reload();
    await reads(page, "#rate", /^12$/);
    const other = await page.context().newPage();
    await other.goto(page.url());
    await reads(other, "#door", /admin token/);
    await other.close();
    // The page is reloaded, so that nothing stays in it.
    await Promise.all([page.waitForEvent("load"), page.locator("#forget").click()]);
    await reads(page, "#door", /admin token/);
    assert.is(await page.evaluate("sessionStorage.length"), 0);
    assert.not.match(await page.content(), /s3cret|6,200/);
    dropNetworkErrors(complaints);
  },
  { token: "s3cret" },
);

onDashboard(
  "no MongoDB: local only, and no figures of MongoDB",
  dashboardData({
    projections: [local()],
    history: historyOf([3.4, 0, 0]),
    counters: counters(top("home", 34, { hours: null })),
  }),
  async ({ page }) => {
    await reads(page, "#mongo", /^Local only$/);
    await reads(page, "#mongo-more", /^no MongoDB configured$/);
    for (const id of ["owed", "owed-chart", "states"]) assert.not.ok(await page.locator(`#${id}`).isVisible(), id);
    await reads(page, "#top thead th", /^Counter \| Hits$/);
    await reads(page, ".well", /^Nothing/);
  },
);

onDashboard(
  "nothing counted yet, and counts that are unknown",
  dashboardData({ counters: counters() }),
  async (opened) => {
    const { server, page } = opened;
    await reads(page, "#no-counters", /^Nothing has been counted yet\.$/);
    server.data = () => dashboardData({ counters: null });
    await reads(page, "#no-counters", /^The counts are unknown/);
    assert.not.ok(await page.locator("#top").isVisible());
  },
);

test.run();
