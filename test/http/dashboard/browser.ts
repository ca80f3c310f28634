import type { BrowserContextOptions, Page } from "playwright-core";
import * as assert from "uvu/assert";
import type { DashboardData } from "../../../src/http/dashboard/dashboard-data.js";
import { browserTest, sharedBrowser, until } from "../chromium.js";
import { DashboardServer } from "./server.js";

const browser = sharedBrowser();

export interface Opened {
  readonly server: DashboardServer;
  readonly page: Page;
  /** What the console said, and errors that nobody caught. Take out what a test expects. */
  readonly complaints: string[];
}

/**
 * Declares a test with a server and the dashboard opened from it, skipped where there is no browser. Afterwards the console
 * must be clean (violations of the policy show there) and nothing may have been asked for but the dashboard and its own.
 */
export function onDashboard(
  name: string,
  data: DashboardData,
  run: (opened: Opened) => Promise<void>,
  options: BrowserContextOptions & { token?: string } = {},
): void {
  browserTest(name, async () => {
    const { token, ...context } = options;
    const server = new DashboardServer(() => data);
    server.token = token;
    await server.start();
    const opened = await browser().newContext({ viewport: { width: 1440, height: 900 }, ...context });
    try {
      const page = await opened.newPage();
      page.setDefaultTimeout(10_000);
      const complaints: string[] = [];
      page.on("console", (message) => complaints.push(message.text()));
      page.on("pageerror", (error) => complaints.push(String(error)));
      await page.goto(`${server.url}dashboard`);
      await run({ server, page, complaints });
      assert.equal(complaints, []);
      assert.equal(server.unexpected, []);
    } finally {
      await opened.close();
      await server.stop();
    }
  });
}

/** Waits until the visible text of what the selector finds matches. */
export async function reads(page: Page, selector: string, pattern: RegExp): Promise<void> {
  let text = "";
  const matches = async () => {
    const found = await page.locator(`${selector} >> visible=true`).allTextContents();
    text = found.join(" | ").replaceAll("\u00a0", " ");
    return pattern.test(text);
  };
  await until(`${selector} reads ${pattern}`, matches, () => `but ${JSON.stringify(text)}`);
}

/** Takes out what the browser itself says of a request that failed. */
export function dropNetworkErrors(complaints: string[]): void {
  const own = complaints.splice(0).filter((line) => !/net::ERR_|status of (401|503)/.test(line));
  complaints.push(...own);
}
