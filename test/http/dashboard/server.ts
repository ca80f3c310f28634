import type { IncomingMessage, ServerResponse } from "node:http";
import { DASHBOARD_CSP, dashboardAssets, dashboardPage } from "../../../src/http/dashboard/dashboard.js";
import { pageAssets } from "../../../src/http/page/page.js";
import type { DashboardData } from "../../../src/model/dashboard-data.js";
import { RestartableServer } from "../restartable-server.js";

/** A server of the dashboard alone, with figures that the test sets. */
export class DashboardServer extends RestartableServer {
  /** Called for each request. */
  data: () => DashboardData;
  /** Undefined: the data needs no token. */
  token: string | undefined;
  /** `after` of each authorised request for data. */
  readonly asked: number[] = [];
  /** Requests in flight, and the most that ever were at once. */
  open = 0;
  mostOpen = 0;
  /** Delays answers. */
  gate: Promise<void> = Promise.resolve();

  constructor(data: () => DashboardData) {
    super();
    this.data = data;
  }

  protected answer(target: string, request: IncomingMessage, response: ServerResponse): void {
    const asset = pageAssets.get(target) ?? dashboardAssets.get(target);
    const after = /^dashboard\/data\?after=(\d+)$/.exec(target)?.[1];
    if (request.method !== "GET") this.miss(request, response);
    else if (asset !== undefined) response.writeHead(200, { "Content-Type": asset.type }).end(asset.body);
    else if (target === "dashboard") {
      const type = "text/html; charset=utf-8";
      response.writeHead(200, { "Content-Type": type, "Content-Security-Policy": DASHBOARD_CSP }).end(dashboardPage);
    } else if (after !== undefined) void this.#tell(Number(after), request, response);
    else this.miss(request, response);
  }

  async #tell(after: number, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.token !== undefined && request.headers.authorization !== `Bearer ${this.token}`) {
      response.writeHead(401).end();
      return;
    }
    this.asked.push(after);
    this.mostOpen = Math.max(this.mostOpen, ++this.open);
    response.on("close", () => this.open--);
    await this.gate;
    response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(this.data()));
  }
}
