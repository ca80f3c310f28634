/** The dashboard of a real server in a real browser: from the build, with its token, its samples and its figures. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { browserTest, sharedBrowser, until } from "../http/chromium.js";
import { reads } from "../http/opened-page.js";
import { freePort } from "../support/mongodb/free-port.js";
import { ServerProcess, temporaryDirectory } from "../support/server-process.js";

const browser = sharedBrowser();

browserTest("figures of a real server, which is killed and comes back", async () => {
  // Nobody listens there: MongoDB is away.
  const MONGODB_URL = `mongodb://127.0.0.1:${await freePort()}/?serverSelectionTimeoutMS=500`;
  const environment = {
    WAL_DIR: temporaryDirectory(),
    ADMIN_TOKEN: "s3cret-token",
    MONGODB_URL,
    PORT: `${await freePort()}`,
  };
  const server = await ServerProcess.start(environment);
  const context = await browser().newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  let again: ServerProcess | undefined;
  try {
    for (const name of ["a", "b", "a"]) await fetch(`${server.url}/hits/${name}`, { method: "POST" });
    await page.goto(`${server.url}/dashboard`);
    await page.locator("#token").fill("s3cret-token");
    await page.keyboard.press("Enter");
    await reads(page, "#top tbody tr", /^a22 \| b11$/);
    await reads(page, "#mongo", /^Away$/);
    await reads(page, "#owed", /^3$/);
    await reads(page, "#owed-more", /^hits of 2 counters$/);
    await reads(page, "#problems h3", /^MongoDB has been away for/);
    await reads(page, "#free", /iB$/);
    await until("a sample", async () => ((await page.locator("#rate-chart path.line").getAttribute("d")) ?? "") !== "");
    await server.kill();
    await reads(page, "#connection", /^Connection lost/);
    again = await ServerProcess.start(environment);
    await reads(page, "#connection", /^Live/);
    await reads(page, "#about", /epoch 2,/);
    await reads(page, "#top tbody tr", /^a22 \| b11$/);
    const own = complaints.filter((line) => !/net::ERR_|status of 401/.test(line));
    assert.equal(own, []);
  } finally {
    await context.close();
    await server.kill();
    await again?.kill();
  }
});

test.run();
