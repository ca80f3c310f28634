import type { BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import * as assert from "uvu/assert";
import { browserTest, sharedBrowser, until } from "../chromium.js";
import { CounterServer } from "./counter-server.js";
import { siteAddress } from "./pages.js";

const browser = sharedBrowser();

export interface Visit {
  readonly server: CounterServer;
  readonly context: BrowserContext;
  /** Opens a page of the site in a new tab. `attributes` are those of the script's tag. */
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
 * Declares a test with a counter and a browser that visits another site's pages; skipped without a browser. Afterwards
 * the console must be empty, and the counter must not have received a preflight or a request for anything else.
 */
export function onSite(name: string, run: (visit: Visit) => Promise<void>, options: VisitOptions = {}): void {
  browserTest(name, async () => {
    const server = new CounterServer();
    await server.start();
    const { init, host = "localhost", ...rest } = options;
    const context = await browser().newContext(rest);
    try {
      const complaints: string[] = [];
      context.on("console", (message) => complaints.push(message.text()));
      context.on("weberror", (error) => complaints.push(String(error.error())));
      if (init !== undefined) await context.addInitScript(init);
      const address = (attributes = "", path = "/blog/post", html = "") =>
        siteAddress(`${html}<script async src="${server.url}hits.js" ${attributes}></script>`, path, host);
      const open: Visit["open"] = async (...of) => {
        const page = await context.newPage();
        page.setDefaultTimeout(10_000);
        await page.goto(address(...of));
        return page;
      };
      await run({ server, context, open, address });
      // The browser itself reports each error answer and broken connection; no script can prevent that.
      const own = complaints.filter((line) => !line.startsWith("Failed to load resource"));
      assert.equal(own, []);
      assert.equal(server.unexpected, []);
    } finally {
      await context.close();
      await server.stop();
    }
  });
}

/** Waits until the counter has this count, then a moment longer, in which it must not change. */
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
