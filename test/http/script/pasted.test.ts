/** The snippets of GET /embed, pasted unchanged into another site's page, against the real app. */
import type { Page } from "playwright-core";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { browserTest, sharedBrowser, until } from "../chromium.js";
import { type Running, withServer } from "../harness.js";
import { siteAddress } from "./pages.js";

const NAME = `/it's "a" <b>&c/ü`;
const browser = sharedBrowser();

interface Pasting extends Running {
  readonly page: Page;
  /** The snippets for this counter, by the ids of their elements. */
  readonly shown: (id: string) => string;
  count(): number;
}

/** Declares a test with all snippets for a counter of `NAME`. */
function onPasting(name: string, run: (pasting: Pasting) => Promise<void>): void {
  browserTest(name, () =>
    withServer(async (running) => {
      const context = await browser().newContext();
      try {
        const page = await context.newPage();
        const complaints: string[] = [];
        context.on("console", (message) => complaints.push(message.text()));
        context.on("weberror", (error) => complaints.push(String(error.error())));
        await page.goto(`${running.url}/embed`);
        await page.getByLabel("Counter").fill(NAME);
        const texts = await page
          .locator("pre code[id]")
          .evaluateAll((codes) => codes.map((one) => [one.id, one.textContent]));
        const shown = (id: string) => new Map(texts as [string, string][]).get(id) ?? assert.unreachable(id) ?? "";
        const { hits } = running.services;
        await run({ ...running, page, shown, count: () => hits.filter(({ counter }) => counter === NAME).length });
        assert.equal(complaints, []);
        assert.equal(
          hits.filter(({ counter }) => counter !== NAME),
          [],
        );
      } finally {
        await context.close();
      }
    }),
  );
}

onPasting("the script, and the one that shows the number", async ({ page, shown, services, count }) => {
  await page.goto(siteAddress(shown("script"), "/"));
  await until("a view", () => count() === 1);
  await page.goto(siteAddress(`<p>${shown("live")}`, "/"));
  await page.waitForFunction("window.hits.textContent === '2'");
  services.hits.push({ counter: NAME, n: 40 });
  await page.waitForFunction("window.hits.textContent === '42'");
  assert.is(count(), 3);
});

onPasting("pixel and badges", async ({ page, shown, count }) => {
  const image = async (id: string) => {
    await page.goto(siteAddress(shown(id), "/"));
    const { width, height } = await page.evaluate<{ width: number; height: number }>(
      "(({ naturalWidth: width, naturalHeight: height }) => ({ width, height }))(document.images[0])",
    );
    return `${width > 20 ? "wide" : width} ${height}`;
  };
  assert.is(await image("pixel"), "1 1");
  assert.is(await image("counting"), "wide 20");
  assert.is(await image("showing"), "wide 20");
  assert.is(count(), 2);
  // The same page again: no copy of a picture is cached.
  assert.is(await image("pixel"), "1 1");
  assert.is(await image("counting"), "wide 20");
  assert.is(count(), 4);
});

onPasting("on a page with a policy: the snippet for it suffices", async ({ page, shown, count }) => {
  const policy = `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; ${shown("policy")}">`;
  await page.goto(siteAddress(policy + shown("live") + shown("pixel") + shown("showing"), "/"));
  // Checked from outside: a function that waits within the page would be subject to the policy.
  const isWhole = "window.hits.textContent === '2' && [...document.images].every((one) => one.naturalWidth > 0)";
  await until("the count and both pictures", () => page.evaluate<boolean>(isWhole));
  assert.is(count(), 2);
});

onPasting("the command", async ({ shown, count }) => {
  const url = /^curl -X POST (\S+)$/.exec(shown("curl"))?.[1] ?? assert.unreachable(shown("curl"));
  assert.is((await fetch(url ?? "", { method: "POST" })).status, 202);
  assert.is(count(), 1);
});

onPasting("a call of the page's own", async ({ page, shown, services, count }) => {
  const own = await page.locator("section[aria-labelledby=h-own] code").textContent();
  await page.goto(siteAddress(shown("script"), "/"));
  await until("a view", () => count() === 1);
  await page.evaluate(own ?? "");
  await until("a hit", () => services.hits.length === 2);
  assert.equal({ ...services.hits.pop(), id: "" }, { counter: "signup", n: 1, id: "", payload: '{"plan":"free"}' });
});

test.run();
