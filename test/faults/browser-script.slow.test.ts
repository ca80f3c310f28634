/** hits.js on somebody else's page, against the real server and its real CORS: whatever fails, the ledger is exact. */
import { execFileSync } from "node:child_process";
import type { BrowserContext, Page } from "playwright-core";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { browserTest, sharedBrowser, until } from "../http/chromium.js";
import { keeps, siteAddress } from "../http/script/pages.js";
import { BINARY, ServerProcess, temporaryDirectory } from "../support/server-process.js";

const POST = "/blog/post";
const browser = sharedBrowser();

/** Declares a test with a server that has these settings, and a browser to visit the other site with. */
function onRealServer(
  name: string,
  settings: Record<string, string>,
  run: (visit: {
    context: BrowserContext;
    server: ServerProcess;
    environment: Record<string, string>;
  }) => Promise<void>,
): void {
  browserTest(name, async () => {
    const environment = { WAL_DIR: `${temporaryDirectory()}/wal`, ...settings };
    const server = await ServerProcess.start(environment);
    const context = await browser().newContext();
    context.setDefaultTimeout(15_000);
    try {
      await run({ context, server, environment: { ...environment, PORT: new URL(server.url).port } });
    } finally {
      await context.close();
      await server.kill();
    }
  });
}

async function open(context: BrowserContext, url: string, more = ""): Promise<Page> {
  const page = await context.newPage();
  await page.goto(siteAddress(`<p id="n"></p><script async src="${url}/hits.js" ${more}></script>`, POST));
  await page.waitForFunction("window.durableHits");
  return page;
}

const many = (n: number) => `for (let i = 0; i < ${n}; i++) durableHits.hit()`;

/** From now on, some hits reach the server, and their answers never reach the browser. */
async function loseAnswers(context: BrowserContext): Promise<{ answers: number }> {
  const lost = { answers: 0 };
  let seen = 0;
  await context.route(/\/hits\?/, async (route) => {
    if (++seen % 12 !== 0) return route.continue();
    const answer = await route.fetch().catch(() => undefined);
    if (answer?.status() === 202) lost.answers++;
    return route.abort();
  });
  return lost;
}

onRealServer("offline, kill -9 and back, two tabs: every view counts exactly once", {}, async (visit) => {
  const { context, environment } = visit;
  let { server } = visit;
  const shows = (page: Page, count: number) => page.waitForFunction(`window.n.textContent === "${count}"`);
  const one = await open(context, server.url, "data-show=#n");
  await shows(one, 1);
  const two = await open(context, server.url, "data-show=#n");
  await shows(one, 2);
  await shows(two, 2);

  await context.setOffline(true);
  await one.evaluate(many(3));
  await keeps(one, 3);
  await context.setOffline(false);
  await keeps(two, 0);
  let sent = 5;
  const lost = await loseAnswers(context);
  try {
    for (let round = 0; round < 3; round++) {
      // In the first round nobody is there; in the others it is killed with requests on their way, and answers.
      if (round === 0) await server.kill();
      await Promise.all([one.evaluate(many(12)), two.evaluate(many(8))]);
      if (round > 0) await server.kill();
      sent += 20;
      server = await ServerProcess.start(environment);
      await keeps(one, 0);
      await keeps(two, 0);
    }
    const counter = await fetch(`${server.url}/counters?name=${POST}`);
    assert.is(((await counter.json()) as { count: number }).count, sent);
    await shows(one, sent);
    await shows(two, sent);
    assert.ok(lost.answers >= 3, `${lost.answers} answers were lost: this proved little`);
    assert.is((await server.stop()).status, 0);
  } finally {
    await server.kill();
  }
  const records = execFileSync(process.execPath, [BINARY, "wal", "cat", "--json"], {
    env: { ...process.env, ...environment },
  })
    .toString("utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { counter: string; id: string });
  assert.is(records.length, sent);
  assert.is(new Set(records.map(({ id }) => id)).size, sent);
  assert.ok(records.every(({ counter }) => counter === POST));
});

for (const [name, settings, answer] of [
  ["a page of an origin that may not call", { CORS_ORIGINS: "https://elsewhere.example" }, "403 ORIGIN_NOT_ALLOWED"],
  // A driven browser announces itself.
  ["a bot, where they are not counted", { COUNT_BOTS: "0" }, "200 BOT"],
] as const) {
  onRealServer(`${name}: reported, and not retried`, settings, async ({ context, server }) => {
    const answers: string[] = [];
    context.on("response", (response) => {
      const { "hit-not-counted": why } = response.headers();
      if (response.request().method() === "POST") answers.push(`${response.status()} ${why}`);
    });
    const page = await open(context, server.url);
    await until("an answer", () => answers.length > 0);
    await keeps(page, 0);
    await page.evaluate(`dispatchEvent(new Event("online"))`);
    await page.waitForTimeout(500);
    assert.equal(answers, [answer]);
    const counter = await fetch(`${server.url}/counters?name=${POST}`);
    assert.is(((await counter.json()) as { count: number }).count, 0);
  });
}

test.run();
