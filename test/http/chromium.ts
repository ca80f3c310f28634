import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";
import { test } from "uvu";
import * as assert from "uvu/assert";

const places = [
  process.env["CHROMIUM_PATH"],
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];
/** The path of Chromium; undefined, with a warning, if there is none. */
export const executablePath = places.find((place) => place !== undefined && existsSync(place));
if (executablePath === undefined) console.log("SKIP no Chromium found for these tests; CHROMIUM_PATH names one");

/** Declares a test that needs the browser; skipped without one. */
export const browserTest = executablePath === undefined ? test.skip : test;

export const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // A name other than localhost: without https its pages have no locks and no randomUUID.
  "--host-resolver-rules=MAP insecure.test 127.0.0.1",
];

/** Starts one browser for all tests of a file, closed after the last. Returns a function that passes it to a test. */
export function sharedBrowser(): () => Browser {
  let browser: Browser | undefined;
  if (executablePath !== undefined) {
    test.before(async () => {
      // Its user data directory is a new one under the system's temporary directory, and removed on close.
      browser = await chromium.launch({ executablePath, args: FLAGS });
    });
    test.after(async () => browser?.close());
  }
  return () => {
    assert.ok(browser);
    return browser;
  };
}

/** Waits until the condition is true; fails after fifteen seconds, with the last value seen. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, seen = () => ""): Promise<void> {
  for (const end = Date.now() + 15_000; !(await condition()); ) {
    if (Date.now() > end) assert.unreachable(`never: ${what} ${seen()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
