import type { BrowserContextOptions, Page } from "playwright-core";
import * as assert from "uvu/assert";
import { sharedBrowser, until } from "./chromium.js";

const browser = sharedBrowser();

export interface OpenedPage {
  readonly page: Page;
  /** Messages of the console and uncaught errors. A test removes those that it expects. */
  readonly complaints: string[];
}

export interface PageOptions extends BrowserContextOptions {
  /** Runs in the page before its script. */
  readonly init?: string | undefined;
}

/** A test's server, which records unexpected requests. */
interface TestServer {
  readonly url: string;
  readonly unexpected: readonly string[];
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts the server and opens a page of it. Afterwards the console must be empty (violations of the policy show there), and
 * nothing but the page and its assets may have been requested.
 */
export async function withPage(
  server: TestServer,
  path: string,
  { init, ...context }: PageOptions,
  run: (opened: OpenedPage) => Promise<void>,
): Promise<void> {
  await server.start();
  const opened = await browser().newContext({ viewport: { width: 1440, height: 900 }, ...context });
  try {
    const page = await opened.newPage();
    page.setDefaultTimeout(10_000);
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    if (init !== undefined) await page.addInitScript(init);
    await page.goto(`${server.url}${path}`);
    await run({ page, complaints });
    assert.equal(complaints, []);
    assert.equal(server.unexpected, []);
  } finally {
    await opened.close();
    await server.stop();
  }
}

/** Waits until the visible text of the selected element matches. */
export async function reads(page: Page, selector: string, pattern: RegExp): Promise<void> {
  let text = "";
  const matches = async () => {
    const found = await page.locator(`${selector} >> visible=true`).allTextContents();
    text = found.join(" | ").replaceAll("\u00a0", " ");
    return pattern.test(text);
  };
  await until(`${selector} reads ${pattern}`, matches, () => `but ${JSON.stringify(text)}`);
}
