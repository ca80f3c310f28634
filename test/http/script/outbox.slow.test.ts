/** hits.js loses no hit and sends none that counts twice, whatever fails, in a real browser. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { until } from "../chromium.js";
import { keeps } from "./pages.js";
import { onSite, settles, type Visit } from "./site.js";

const POST = "/blog/post";

onSite("the server is down: hits are kept, and sent once when it is back", async ({ server, open }) => {
  const page = await open();
  await settles(server, POST, 1);
  await server.stop();
  await page.evaluate(`durableHits.hit("/blog/post")`);
  await keeps(page, 1);
  await page.waitForTimeout(700);
  const [entry] = await keeps(page, 1);
  await server.start();
  await settles(server, POST, 2);
  await keeps(page, 0);
  assert.match(entry ?? "", `id=${server.sent.at(-1)?.id}&`);
});

onSite("the browser is offline: sent when it is online, at once", async ({ server, context, open }) => {
  const page = await open();
  await settles(server, POST, 1);
  await context.setOffline(true);
  await page.evaluate(`for (let i = 0; i < 6; i++) durableHits.hit("/blog/post", { n: 2 })`);
  await keeps(page, 6);
  // Long enough for the pauses between tries to grow.
  await page.waitForTimeout(5_000);
  await keeps(page, 6);
  const started = Date.now();
  await context.setOffline(false);
  await until("all are sent", () => server.counts.get(POST) === 13);
  assert.ok(Date.now() - started < 1_000);
  await settles(server, POST, 13);
  assert.is(server.sent.length, 7);
});

onSite("visible again: sent at once", async ({ server, open }) => {
  const page = await open();
  await settles(server, POST, 1);
  server.mood = 503;
  await page.evaluate(`durableHits.hit("/blog/post")`);
  await until("three tries", () => server.sent.length === 4);
  server.mood = "count";
  await page.evaluate(`document.dispatchEvent(new Event("visibilitychange"))`);
  await until("it is sent", () => server.sent.length === 5);
  await settles(server, POST, 2);
});

onSite("counted, but the answer is lost: sent again with the same id, counted once", async ({ server, open }) => {
  server.mood = "swallow";
  const page = await open();
  await until("two tries", () => server.sent.length >= 2);
  await keeps(page, 1);
  server.mood = "count";
  await keeps(page, 0);
  await settles(server, POST, 1);
  assert.is(new Set(server.sent.map(({ id, payload }) => `${id} ${payload}`)).size, 1);
});

onSite("a request to a server that hangs is aborted, then retried", async ({ server, open }) => {
  server.mood = "hang";
  const page = await open();
  await until("a try", () => server.sent.length === 1);
  server.mood = "count";
  await settles(server, POST, 1);
  assert.is(server.sent.length, 2);
  await keeps(page, 0);
});

for (const mood of [400, 403, 422, "bot"] as const) {
  onSite(`${mood}: it will never be counted, and is dropped`, async ({ server, open }) => {
    server.mood = mood;
    const page = await open();
    await until("a refusal", () => server.sent.length === 1);
    await keeps(page, 0);
    server.mood = "count";
    await page.evaluate(`dispatchEvent(new Event("online"))`);
    await page.evaluate(`durableHits.hit("next")`);
    await settles(server, "next", 1);
    assert.is(server.sent.length, 2);
  });
}

for (const status of [200, 408, 429, 503]) {
  onSite(`${status}: kept, and tried again`, async ({ server, open }) => {
    server.mood = status;
    const page = await open();
    await until("a try", () => server.sent.length >= 1);
    await keeps(page, 1);
    server.mood = "count";
    await settles(server, POST, 1);
    await keeps(page, 0);
    assert.is(new Set(server.sent.map(({ id }) => id)).size, 1);
  });
}

/** Two tabs with a view and ten hits each, all made while the server refuses, sent by both at once: each by one of them. */
async function twoTabs({ server, open }: Visit): Promise<void> {
  server.mood = 503;
  const tabs = await Promise.all([open(), open()]);
  const [one, two] = tabs;
  assert.ok(one && two);
  const all = (code: string) => Promise.all(tabs.map((tab) => tab.evaluate(code)));
  await all(`for (let i = 0; i < 10; i++) durableHits.hit("/blog/post")`);
  assert.equal((await keeps(one, 22)).sort(), (await keeps(two, 22)).sort());
  const refused = server.sent.length;
  server.mood = "count";
  await all(`dispatchEvent(new Event("online"))`);
  await settles(server, POST, 22);
  await keeps(one, 0);
  const since = server.sent.slice(refused).filter(({ status }) => status === 202);
  assert.is(new Set(since.map(({ id }) => id)).size, 22);
  // On a busy machine, one tab may see the writes of another late: both send a few hits.
  assert.ok(since.length <= 22 + 11, `${since.length - 22} were sent by both`);
  assert.is(server.ids, 22);
}

onSite("two tabs share the outbox: none lost, none counted twice", twoTabs);
onSite("two tabs of an http: page, without locks and randomUUID", twoTabs, { host: "insecure.test" });

onSite(
  "without locks, a stale lease (after a crash, or with a wrong clock) does not block others for long",
  async ({ server, open }) => {
    server.mood = 503;
    const page = await open();
    assert.not.ok(await page.evaluate("isSecureContext || navigator.locks"));
    await keeps(page, 1);
    const lease = (at: string) => page.evaluate(`localStorage["durable-hits ${server.url}"] = ${at}`);
    server.mood = "count";
    await lease("Date.now() + 864e5");
    await page.evaluate(`dispatchEvent(new Event("online"))`);
    await settles(server, POST, 1);
    await lease("Date.now() - 12500");
    const sent = server.sent.length;
    await page.evaluate(`durableHits.hit("next")`);
    await page.waitForTimeout(300);
    assert.is(server.sent.length, sent, "another tab's lease is heeded");
    await settles(server, "next", 1);
    assert.is(await page.evaluate("localStorage.length"), 0);
  },
  { host: "insecure.test" },
);

onSite("the tab is closed during an outage: the next page sends it", async ({ server, open }) => {
  const page = await open();
  await settles(server, POST, 1);
  await server.stop();
  // The script itself comes from the browser's cache.
  const lost = await open("", "/lost");
  const [entry] = await keeps(lost, 1);
  await lost.close({ runBeforeUnload: true });
  await page.close();
  await server.start();
  const next = await open("", "/next");
  await settles(server, "/lost", 1);
  await settles(server, "/next", 1);
  await keeps(next, 0);
  assert.match(entry ?? "", `id=${server.sent.find(({ counter }) => counter === "/lost")?.id}&`);
});

onSite("an entry sent by a beacon stays until it is confirmed, and counts once", async ({ server, open, address }) => {
  server.mood = 503;
  const page = await open();
  await until("a try", () => server.sent.length === 1);
  await keeps(page, 1);
  server.mood = "count";
  await page.goto(address("", "/next"));
  await settles(server, "/next", 1);
  await settles(server, POST, 1);
  await keeps(page, 0);
  const mine = server.sent.filter(({ counter }) => counter === POST);
  assert.equal(
    mine.map(({ beacon, status }) => [beacon, status]),
    [
      [false, 503],
      [true, 202],
      [false, 202],
    ],
  );
  assert.is(new Set(mine.map(({ id, payload, type }) => `${id} ${payload} ${type?.toLowerCase()}`)).size, 1);
});

test.run();
