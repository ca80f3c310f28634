/**
 * `GET /dashboard`: how this server, its log and MongoDB are doing, for its operator. The page itself holds no data and is
 * the same for everybody; `assets/dashboard.js` asks `GET /dashboard/data` for it (dashboard-data.ts), with ADMIN_TOKEN
 * where there is one. All references are relative, so it works under a path prefix; it needs `page.css` (page/page.ts)
 * beside its own assets.
 */
import { assetText, pageParts, pagePolicy } from "../template.js";

export const DASHBOARD_CSP = pagePolicy("connect-src 'self'");

/** What the page refers to beside `page.css`, by its name relative to the page. */
export const dashboardAssets = pageParts(
  import.meta.url,
  "dashboard",
  "dashboard-charts",
  "dashboard-connection",
  "dashboard-elements",
  "dashboard-problems",
  "dashboard-table",
  "dashboard-words",
);

/** The page as complete HTML. */
export const dashboardPage = assetText(import.meta.url, "dashboard.html");
