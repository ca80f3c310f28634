import type { PageView } from "../../../src/http/page/page.js";
import { browserTest } from "../chromium.js";
import { type OpenedPage, type PageOptions, withPage } from "../opened-page.js";
import { PageServer } from "./server.js";

export interface Opened extends OpenedPage {
  readonly server: PageServer;
}

/** Declares a test with a server and the page opened from it; skipped without a browser. */
export function onPage(
  name: string,
  view: PageView,
  run: (opened: Opened) => Promise<void>,
  options: PageOptions = {},
): void {
  browserTest(name, async () => {
    const server = new PageServer(view);
    await withPage(server, "", options, (opened) => run({ server, ...opened }));
  });
}
