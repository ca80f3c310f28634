/**
 * A page that is prerendered, then activated, then left and restored from the back/forward cache by a real browser.
 * An automated browser does neither, so the pages navigate themselves.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { temporaryDirectory } from "../../support/server-process.js";
import { browserTest, executablePath, FLAGS, until } from "../chromium.js";
import { CounterServer } from "./counter-server.js";
import { settles } from "./site.js";

const RULES = '<script type="speculationrules">{"prerender":[{"urls":["/next"],"eagerness":"immediate"}]}</script>';

const STEPS = `
  const report = (what) => fetch("/report?" + encodeURIComponent(what));
  const next = location.pathname === "/next";
  addEventListener("pageshow", (event) => report(location.pathname + (event.persisted ? " restored" : " shown")));
  if (next && document.prerendering) report("prerendering").then(() => {
    document.addEventListener("prerenderingchange", () => {
      report("activated");
      setTimeout(() => history.back(), 1000);
    });
  });
  if (!next) {
    let gone = false;
    const look = setInterval(async () => {
      // On a slow machine there may be two requests: the second would navigate once more when this page is restored.
      if ((await (await fetch("/go")).text()) !== "go" || gone) return;
      gone = true;
      clearInterval(look);
      location.href = "/next";
    }, 100);
  }
`;

function startBrowser(url: string): ChildProcess {
  assert.ok(executablePath);
  const profile = `--user-data-dir=${temporaryDirectory()}`;
  return spawn(executablePath, [...FLAGS, profile, "--remote-debugging-port=0", url], {
    stdio: "ignore",
    detached: true,
  });
}

browserTest(
  "prerendered: no view until it is activated; restored from the back/forward cache: a view again",
  async () => {
    const server = new CounterServer();
    await server.start();
    const reports: string[] = [];
    let go = false;
    const site = createServer((request, response) => {
      const { pathname, search } = new URL(request.url ?? "", "http://site");
      if (pathname === "/report") reports.push(decodeURIComponent(search.slice(1)));
      response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" });
      if (pathname === "/report" || pathname === "/go") response.end(go ? "go" : "");
      else {
        const script = `<script async src="${server.url}hits.js" data-show></script><script>${STEPS}</script>`;
        response.end(`<!doctype html><title>A page</title>${pathname === "/first" ? RULES : ""}${script}`);
      }
    });
    await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
    const child = startBrowser(`http://localhost:${(site.address() as AddressInfo).port}/first`);
    const heard = (what: string) =>
      until(
        what,
        () => reports.includes(what),
        () => `but ${reports.join(", ")}`,
      );
    try {
      await settles(server, "/first", 1);
      await heard("prerendering");
      await heard("/next shown");
      await settles(server, "/next", 0);
      go = true;
      await heard("activated");
      await settles(server, "/next", 1);
      await heard("/first restored");
      await settles(server, "/first", 2);
      assert.equal(
        [...server.counts],
        [
          ["/first", 2],
          ["/next", 1],
        ],
      );
      assert.is(server.ids, 3);
      assert.equal(server.unexpected, []);
    } finally {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      // All its processes are killed: they write to its directory, which is removed when this process ends.
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      await ended;
      site.closeAllConnections();
      site.close();
      await server.stop();
    }
  },
);

test.run();
