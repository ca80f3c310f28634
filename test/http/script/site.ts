import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CounterServer } from "./counter-server.js";

const places = [
  process.env["CHROMIUM_PATH"],
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];
export const executablePath = places.find((place) => place !== undefined && existsSync(place));
if (executablePath === undefined) console.log("SKIP http/script: no Chromium found; CHROMIUM_PATH names one");

export const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // A name that isn't this machine's own: without https its pages have no locks and no randomUUID.
  "--host-resolver-rules=MAP insecure.test 127.0.0.1",
];

let browser: Browser | undefined;
// The pages of somebody else's site, on another port than the counter.
const site = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? "", "http://site");
  if (pathname === "/favicon.ico") response.writeHead(204).end();
  else {
    response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" });
    response.end(`<!doctype html><title>A page</title>${searchParams.get("html") ?? ""}`);
  }
});
if (executablePath !== undefined) {
  test.before(async () => {
    // Its user data directory is a new one under the system's temporary directory, and removed on close.
    browser = await chromium.launch({ executablePath, args: FLAGS });
    await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  });
  test.after(async () => {
    await browser?.close();
    site.closeAllConnections();
    site.close();
  });
}

export interface Visit {
  readonly server: CounterServer;
  readonly context: BrowserContext;
  /** Opens a page of the site in a tab of its own. `attributes` are those of the script's tag. */
  open(attributes?: string, path?: string, html?: string): Promise<Page>;
  /** The address of such a page. */
  address(attributes?: string, path?: string, html?: string): string;
}

export interface VisitOptions extends BrowserContextOptions {
  /** Runs in every page before its scripts. */
  readonly init?: string;
  readonly host?: string;
}

/**
 * Declares a test with a counter and a browser that visits somebody else's pages, skipped where there is no browser.
 * Afterwards the console must be clean and the counter must not have seen a preflight, or a request for anything else.
 */
export function onSite(name: string, run: (visit: Visit) => Promise<void>, options: VisitOptions = {}): void {
  const declare = executablePath === undefined ? test.skip : test;
  declare(name, async () => {
    assert.ok(browser);
    const server = new CounterServer();
    await server.start();
    const { init, host = "localhost", ...rest } = options;
    const context = await browser.newContext(rest);
    try {
      const complaints: string[] = [];
      context.on("console", (message) => complaints.push(message.text()));
      context.on("weberror", (error) => complaints.push(String(error.error())));
      if (init !== undefined) await context.addInitScript(init);
      const address = (attributes = "", path = "/blog/post", html = "") => {
        const script = `${html}<script async src="${server.url}hits.js" ${attributes}></script>`;
        return `http://${host}:${(site.address() as AddressInfo).port}${path}?html=${encodeURIComponent(script)}`;
      };
      const open: Visit["open"] = async (...of) => {
        const page = await context.newPage();
        page.setDefaultTimeout(10_000);
        await page.goto(address(...of));
        return page;
      };
      await run({ server, context, open, address });
      // The browser itself reports each answer that is an error, and each connection that broke; no script can help it.
      const own = complaints.filter((line) => !line.startsWith("Failed to load resource"));
      assert.equal(own, []);
      assert.equal(server.unexpected, []);
    } finally {
      await context.close();
      await server.stop();
    }
  });
}

/** Waits until the condition holds; fails after fifteen seconds, with what was seen last. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, seen = () => ""): Promise<void> {
  for (const end = Date.now() + 15_000; !(await condition()); ) {
    if (Date.now() > end) assert.unreachable(`never: ${what} ${seen()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Waits until the counter stands at so many, then a moment longer, in which it must not move. */
export async function settles(server: CounterServer, counter: string, count: number): Promise<void> {
  const now = () => server.counts.get(counter) ?? 0;
  await until(
    `${counter} at ${count}`,
    () => now() >= count,
    () => `but ${now()}`,
  );
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.is(now(), count, counter);
}

/** What the script keeps in the page's storage: the texts of the entries, oldest first. */
export async function kept(page: Page): Promise<string[]> {
  return await page.evaluate(
    `Object.keys(localStorage).filter((key) => / \\d{13} /.test(key)).sort().map((key) => localStorage[key])`,
  );
}

/** Waits until so many entries are kept. */
export async function keeps(page: Page, entries: number): Promise<string[]> {
  let found: string[] = [];
  const holds = async () => {
    found = await kept(page);
    return found.length === entries;
  };
  await until(`${entries} entries kept`, holds, () => `but ${found.length}`);
  return found;
}
