/** The page that shows what to paste: as served, and in a real browser. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Page } from "playwright-core";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { pageAssets } from "../../../src/http/page/page.js";
import { complaint, snippets } from "../../../src/http/script/assets/embed.js";
import { EMBED_CSP, embedAssets, renderEmbed } from "../../../src/http/script/embed.js";
import { RestartableServer } from "../restartable-server.js";
import { onSite, type VisitOptions } from "./site.js";

test("every snippet is in the page, as text, with placeholders", () => {
  const html = renderEmbed(82_800_000);
  for (const [id, text] of Object.entries(snippets("…/", "/blog/post"))) {
    const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
    assert.match(html, `<code id="${id}">${escaped.replaceAll('"', "&quot;")}</code>`);
  }
  assert.not.match(html, /\{\{|https?:\/\/(?!www\.w3\.org)/);
  assert.not.match(html, /<style|<[^>]*(?:style=|onclick)|<script>/, "the policy forbids it");
});

test("a strict policy", () => {
  assert.match(EMBED_CSP, /^default-src 'none'; script-src 'self'; style-src 'self'; /);
  assert.not.match(EMBED_CSP, "unsafe");
});

test("names: percent-encoded in URLs, escaped in attributes, quoted for shells", () => {
  const of = (counter: string) => snippets("https://hits.example/p/", counter);
  assert.equal(of("/blog/post"), {
    script: '<script async src="https://hits.example/p/hits.js"\n  data-counter="/blog/post"></script>',
    live: `<span id="hits">…</span>\n<script async src="https://hits.example/p/hits.js"\n  data-counter="/blog/post"\n  data-show="#hits"></script>`,
    policy: "script-src https://hits.example; connect-src https://hits.example; img-src https://hits.example",
    pixel: '<img src="https://hits.example/p/hits/%2Fblog%2Fpost/pixel.gif"\n  alt="" width="1" height="1">',
    counting: '<img src="https://hits.example/p/hits/%2Fblog%2Fpost/badge.svg"\n  alt="hits">',
    showing: '<img src="https://hits.example/p/counters/%2Fblog%2Fpost/badge.svg"\n  alt="hits">',
    curl: "curl -X POST https://hits.example/p/hits/%2Fblog%2Fpost",
  });
  const evil = of(`"><script>&'$(x)*!å 100%#?`);
  assert.match(evil["script"] ?? "", `data-counter="&quot;&gt;&lt;script&gt;&amp;'$(x)*!å 100%#?"`);
  const segment = "%22%3E%3Cscript%3E%26%27%24%28x%29%2A%21%C3%A5%20100%25%23%3F";
  assert.is(evil["curl"], `curl -X POST https://hits.example/p/hits/${segment}`);
  assert.match(evil["pixel"] ?? "", `hits/${segment}/pixel.gif"`);
  assert.is(
    snippets("http://[::1]:3000/it's&/", "a")["curl"],
    "curl -X POST 'http://[::1]:3000/it%27s&/hits/a'",
    "addresses are quoted where a shell would read something into them",
  );
  assert.equal(Object.keys(of("")), ["script", "live", "policy"], "the rest needs a name");
  assert.is(of("")["script"], '<script async src="https://hits.example/p/hits.js"></script>');
});

test("invalid names", () => {
  for (const name of ["", "a", "...", "/blog/å", "x".repeat(1024), "😀"]) assert.is(complaint(name), "", name);
  for (const name of [".", "..", "a\tb", "\u0085", "\ud800", "å".repeat(513)]) assert.not(complaint(name) === "", name);
  assert.is(complaint("å".repeat(513)), "A name must have at most 1,024 bytes, got 1,026.");
});

class EmbedServer extends RestartableServer {
  protected answer(file: string, request: IncomingMessage, response: ServerResponse): void {
    const asset = embedAssets.get(file) ?? (file === "page.css" ? pageAssets.get(file) : undefined);
    if (asset !== undefined) response.writeHead(200, { "Content-Type": asset.type }).end(asset.body);
    else if (file === "embed") {
      const headers = { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": EMBED_CSP };
      response.writeHead(200, headers).end(renderEmbed(82_800_000));
    } else this.miss(request, response);
  }
}

/** Declares a test with the page opened from its own server, under a path prefix, with its policy. */
function onEmbed(name: string, run: (page: Page, url: string) => Promise<void>, options: VisitOptions = {}): void {
  onSite(
    name,
    async ({ context }) => {
      const server = new EmbedServer();
      await server.start();
      try {
        const page = await context.newPage();
        page.setDefaultTimeout(10_000);
        await page.goto(`${server.url}embed`);
        await run(page, server.url);
        assert.equal(server.unexpected, []);
      } finally {
        await server.stop();
      }
    },
    options,
  );
}

onEmbed("this server's address and the reader's counter are in the snippets", async (page, url) => {
  const reads = async (id: string) => await page.locator(`#${id}`).textContent();
  assert.is(await reads("script"), `<script async src="${url}hits.js"\n  data-counter="/blog/post"></script>`);
  await page.getByLabel("Counter").fill(`a/b "c"`);
  assert.is(await reads("script"), `<script async src="${url}hits.js"\n  data-counter="a/b &quot;c&quot;"></script>`);
  assert.is(await reads("curl"), `curl -X POST ${url}hits/a%2Fb%20%22c%22`);
  await page.getByLabel("Counter").fill("");
  assert.is(await reads("script"), `<script async src="${url}hits.js"></script>`);
  assert.is(await reads("pixel"), "Enter a counter’s name");
  assert.is(await page.locator("button:visible").count(), 3);
  await page.getByLabel("Counter").fill("..");
  assert.is(await reads("why"), "“..” is not a valid name: it means a directory.");
  assert.is(await reads("script"), "Enter a counter’s name");
  await page.getByLabel("Counter").fill("x");
  assert.is(await reads("why"), "");
  assert.is(await page.locator("button:visible").count(), 7);
});

onEmbed(
  "copying, with a mouse or a keyboard",
  async (page, url) => {
    const clipboard = () => page.evaluate("navigator.clipboard.readText()");
    await page.getByRole("button", { name: "Copy the script", exact: true }).click();
    await page.getByRole("button", { name: "Copied the script", exact: true }).waitFor();
    assert.is(await clipboard(), `<script async src="${url}hits.js"\n  data-counter="/blog/post"></script>`);
    assert.is(await page.getByRole("status").textContent(), "Copied");
    const command = page.getByRole("button", { name: "Copy the command" });
    await command.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Copied the command" }).waitFor();
    assert.is(await clipboard(), `curl -X POST ${url}hits/%2Fblog%2Fpost`);
    await command.waitFor();
  },
  { permissions: ["clipboard-read", "clipboard-write"] },
);

onEmbed("without permission for the clipboard, the text is selected", async (page, url) => {
  await page.evaluate("navigator.clipboard.writeText = () => Promise.reject(new Error('no'))");
  await page.getByRole("button", { name: "Copy the command" }).click();
  await page.getByRole("button", { name: "Selected the command" }).waitFor();
  assert.is(await page.evaluate("String(getSelection())"), `curl -X POST ${url}hits/%2Fblog%2Fpost`);
});

for (const width of [360, 1440]) {
  for (const colorScheme of ["light", "dark"] as const) {
    for (const javaScriptEnabled of [true, false]) {
      onEmbed(
        `fits ${width} px, ${colorScheme}, script ${javaScriptEnabled ? "on" : "off"}`,
        async (page) => {
          if (javaScriptEnabled) await page.getByLabel("Counter").fill("/a-long-name/".repeat(30));
          assert.is(await page.locator("button:visible, input:visible").count(), javaScriptEnabled ? 8 : 0);
          assert.is(await page.locator("noscript p").count(), javaScriptEnabled ? 0 : 1);
          assert.is(await page.evaluate("document.documentElement.scrollWidth"), width);
          const paper = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor");
          assert.is(paper, colorScheme === "dark" ? "rgb(18, 18, 17)" : "rgb(251, 251, 249)");
        },
        { viewport: { width, height: 800 }, colorScheme, javaScriptEnabled },
      );
    }
  }
}

test.run();
