import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";
import { test } from "uvu";
import { until } from "../chromium.js";

/** The pages of another site, on another port than the counter. */
const site = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? "", "http://site");
  if (pathname === "/favicon.ico") response.writeHead(204).end();
  else {
    response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" });
    response.end(`<!doctype html><title>A page</title>${searchParams.get("html") ?? ""}`);
  }
});
test.before(() => new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve)));
test.after(() => {
  site.closeAllConnections();
  site.close();
});

/** Returns the address of a page of that site with this content. */
export function siteAddress(html: string, path: string, host = "localhost"): string {
  return `http://${host}:${(site.address() as AddressInfo).port}${path}?html=${encodeURIComponent(html)}`;
}

/** Resolves to the entries of the script in the page's storage, oldest first. */
export async function kept(page: Page): Promise<string[]> {
  return await page.evaluate(
    `Object.keys(localStorage).filter((key) => / \\d{13} /.test(key)).sort().map((key) => localStorage[key])`,
  );
}

/** Waits until so many entries are kept. */
export async function keeps(page: Page, entries: number): Promise<string[]> {
  let found: string[] = [];
  const isComplete = async () => {
    found = await kept(page);
    return found.length === entries;
  };
  await until(`${entries} entries kept`, isComplete, () => `but ${found.length}`);
  return found;
}
