/** Accessibility of the dashboard: by keyboard, read out, on small screens, in both colour schemes, with hostile names. */
import type { Page } from "playwright-core";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { until } from "../chromium.js";
import { reads } from "../opened-page.js";
import { onDashboard } from "./browser.js";
import { ago, counters, DAMAGE, dashboardData, historyOf, local, logOf, mongodb, top } from "./data.js";

const HOSTILE = [
  "<img src=x onerror=alert(1)>",
  "</td><script>alert(1)</script>",
  "a\u202egnp.exe",
  "\u200b\u200b",
  "  two  spaces ",
  "é".repeat(512),
  "/a/".repeat(300),
  "مرحبا/صفحة",
  "👩‍👩‍👧/🎉",
  "{{title}}",
  "__proto__",
  "'\";--&amp;",
];

const everything = () =>
  dashboardData({
    refusal: { code: "QUEUE_FULL", detail: `64 MiB wait for ${"x".repeat(300)}` },
    projections: [
      local(),
      mongodb({
        ...{ state: "halted", lag: 1e12, since: ago(720.5), lastError: `<b>${"y".repeat(300)}</b>`, blocked: 2 },
        blockedCounters: HOSTILE.slice(0, 2).map((counter) => ({ counter, reason: "count is a text" })),
      }),
    ],
    log: logOf({ damage: { total: 4, first: [DAMAGE, DAMAGE] } }),
    counters: counters(...HOSTILE.map((name, i) => top(name, 2 ** 52 - i, { pending: 1e14, incomplete: true }))),
    history: historyOf([1e7, 1e12, 3], [200, 1e12, 2]),
  });

onDashboard("names and errors of others are shown as text", everything(), async ({ page }) => {
  await reads(page, "#connection", /^Live/);
  const names = page.locator("#top .name");
  assert.is(await names.count(), HOSTILE.length);
  const shown = new Map([
    ["a\u202egnp.exe", "aU+202Egnp.exe"],
    ["\u200b\u200b", "U+200BU+200B"],
    ["  two  spaces ", "U+0020U+0020two  spacesU+0020"],
  ]);
  for (const [i, name] of HOSTILE.entries()) {
    assert.is(await names.nth(i).textContent(), shown.get(name) ?? name);
    assert.is(await names.nth(i).getAttribute("href"), `counters/${encodeURIComponent(name)}`);
  }
  await reads(page, "#problems", /<img src=x onerror=alert\(1\)>: count is a text/);
  assert.is(await page.locator("main :is(img, script, b b)").count(), 0);
});

for (const width of [320, 360, 768, 1440]) {
  for (const colorScheme of ["light", "dark"] as const) {
    const context = { viewport: { width, height: 800 }, colorScheme };
    onDashboard(
      `no scrolling to the side at ${width} px, ${colorScheme}`,
      everything(),
      async ({ page }) => {
        await reads(page, "#connection", /^Live/);
        await page.locator("summary").click();
        assert.is(await page.evaluate("document.documentElement.scrollWidth"), width);
        assert.equal(await clipped(page), []);
        const paper = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor");
        assert.is(paper, colorScheme === "dark" ? "rgb(18, 18, 17)" : "rgb(251, 251, 249)");
        assert.equal(await lowContrast(page), []);
      },
      context,
    );
  }
}

/** Elements with text that end outside the window. */
function clipped(page: Page): Promise<unknown> {
  return page.evaluate(`
    [...document.querySelectorAll("main *:not(.unseen *, svg *)")]
      .filter((one) => one.children.length === 0 && one.checkVisibility() && one.closest("thead") === null)
      .filter((one) => { const box = one.getBoundingClientRect(); return box.left < 0 || box.right > innerWidth + 0.5; })
      .map((one) => one.outerHTML.slice(0, 100))
  `);
}

/** Texts whose contrast with the page is below 4.5 to 1. The page has one background, and buttons their own. */
function lowContrast(page: Page): Promise<unknown> {
  return page.evaluate(`
    const rgb = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
    const linear = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
    const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    const paper = luminance(rgb(getComputedStyle(document.documentElement).backgroundColor));
    [...document.querySelectorAll("main *:not(svg, svg *), header *")]
      .filter((one) => one.checkVisibility() && [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== ""))
      .filter((one) => {
        const ink = luminance(rgb(getComputedStyle(one).color));
        return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05) < 4.5;
      })
      .map((one) => one.outerHTML.slice(0, 100))
  `);
}

onDashboard(
  "structure: one heading per section, in order; landmarks; tables with captions",
  everything(),
  async (opened) => {
    const { page } = opened;
    await reads(page, "#connection", /^Live/);
    await page.locator("summary").click();
    const levels = (await page.evaluate(`
    [...document.querySelectorAll("h1, h2, h3")].filter((one) => one.checkVisibility()).map((one) => Number(one.tagName[1]))
  `)) as number[];
    assert.is(levels[0], 1);
    assert.is(levels.filter((level) => level === 1).length, 1);
    for (const [i, level] of levels.entries()) assert.ok(level <= (levels[i - 1] ?? 1) + 1, `level ${level} at ${i}`);
    assert.equal(await page.evaluate(`[document.documentElement.lang, document.querySelectorAll("main").length]`), [
      "en",
      1,
    ]);
    // Each region, picture, link, field and button has a name; ids are unique.
    const nameless = await page.evaluate(`
    [...document.querySelectorAll("section, nav, figure, [role=img], a, button, summary")]
      .filter((one) => {
        const by = one.getAttribute("aria-labelledby");
        return (one.getAttribute("aria-label") ?? (by === null ? one.textContent : document.getElementById(by)?.textContent) ?? "").trim() === "";
      }).map((one) => one.outerHTML.slice(0, 100))
  `);
    assert.equal(nameless, []);
    const ids = (await page.evaluate(`[...document.querySelectorAll("[id]")].map((one) => one.id)`)) as string[];
    assert.is(new Set(ids).size, ids.length);
    for (const table of await page.locator("table").all()) {
      assert.ok((await table.locator("caption").textContent())?.trim());
      assert.is(await table.locator("thead th:not([scope=col]), tbody th:not([scope=row])").count(), 0);
      assert.is(await table.locator("tbody tr:not(:has(th))").count(), 0);
    }
    assert.is(await page.locator("svg:not([aria-hidden=true], [role=img], svg svg)").count(), 0);
    assert.is(await page.locator("label[for=token]").count(), 1);
  },
);

for (const width of [360, 1440]) {
  onDashboard(
    `by keyboard at ${width} px: all is reached, seen to be, and large enough`,
    everything(),
    async ({ page }) => {
      await reads(page, "#connection", /^Live/);
      const reached: string[] = [];
      for (let i = 0; i < 4 + HOSTILE.length; i++) {
        await page.keyboard.press("Tab");
        const found = (await page.evaluate(`
        (() => {
          const one = document.activeElement;
          const { outlineStyle, outlineWidth } = getComputedStyle(one);
          return [one.textContent, one.getBoundingClientRect().height, outlineStyle + " " + outlineWidth];
        })()
      `)) as [string, number, string];
        reached.push(found[0]);
        assert.ok(found[1] >= 44, `${found[0]} is ${found[1]} px high`);
        assert.is(found[2], "solid 2px");
      }
      assert.equal(reached.slice(0, 5), [
        "The counter",
        "Status",
        "All counters",
        "The last hour in numbers",
        HOSTILE[0],
      ]);
      await page.locator("summary").focus();
      await page.keyboard.press("Enter");
      await reads(page, "#numbers tbody tr", /^0–5/);
    },
    { viewport: { width, height: 900 } },
  );
}

onDashboard("the focus stays on a counter that moves", dashboardData(), async ({ server, page }) => {
  await reads(page, "#top .name", /^\/ \| \/about$/);
  await page.locator("#top .name").nth(1).focus();
  server.data = () => dashboardData({ counters: counters(top("/about", 9000), top("/", 6200)) });
  await reads(page, "#top .name", /^\/about \| \/$/);
  assert.is(await page.evaluate("document.activeElement.textContent"), "/about");
});

onDashboard("read out: a change of state, not of a number", dashboardData(), async ({ server, page }) => {
  const spoken = () => page.locator("#spoken").textContent();
  await until("a first word", async () => (await spoken()) === "Nothing needs attention. MongoDB: Up.");
  await page.evaluate(`
    announced = [];
    new MutationObserver(() => announced.push(spoken.textContent)).observe(spoken, { childList: true });
  `);
  for (let i = 1; i <= 3; i++) {
    server.data = () => dashboardData({ accepted: 9000 + i });
    await reads(page, "#rate-more", new RegExp(`^9,00${i} accepted`));
  }
  const away = mongodb({ state: "retrying", lag: 8, since: ago(12.5) });
  server.data = () => dashboardData({ projections: [local(), away] });
  await until("the change", async () => (await page.evaluate("announced.length")) !== 0);
  // The duration changes with each request, and is not read out again.
  const asked = server.asked.length;
  await until("more requests", () => server.asked.length >= asked + 3);
  const announced = (await page.evaluate("announced")) as string[];
  assert.is(announced.length, 1, announced.join(" | "));
  assert.match(announced[0]?.replaceAll("\u00a0", " ") ?? "", /^Needs attention: MongoDB has been away for \d+ s\.$/);
});

test.run();
