import type { DashboardData } from "../../../src/model/dashboard-data.js";
import { browserTest } from "../chromium.js";
import { type OpenedPage, type PageOptions, withPage } from "../opened-page.js";
import { DashboardServer } from "./server.js";

export interface Opened extends OpenedPage {
  readonly server: DashboardServer;
}

/** Declares a test with a server and the dashboard opened from it; skipped without a browser. */
export function onDashboard(
  name: string,
  data: DashboardData,
  run: (opened: Opened) => Promise<void>,
  { token, ...options }: PageOptions & { readonly token?: string } = {},
): void {
  browserTest(name, async () => {
    const server = new DashboardServer(() => data);
    server.token = token;
    await withPage(server, "dashboard", options, (opened) => run({ server, ...opened }));
  });
}

/** Removes the browser's own reports of failed requests. */
export function dropNetworkErrors(complaints: string[]): void {
  const own = complaints.splice(0).filter((line) => !/net::ERR_|status of (401|503)/.test(line));
  complaints.push(...own);
}
