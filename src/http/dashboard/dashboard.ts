/**
 * `GET /dashboard`: the state of this server, its log and MongoDB, for the operator. The page itself contains no data and
 * is the same for everybody; `assets/dashboard.js` reads `GET /dashboard/data` (model/dashboard-data.ts), with ADMIN_TOKEN
 * if one is set. All references are relative, so the page works under a path prefix; it needs `page.css` (page/page.ts)
 * in addition to its own assets.
 */
import { assetText, pageParts, pagePolicy } from "../assets.js";
import { integer, type QueryType, queryValue } from "../query.js";

export const DASHBOARD_CSP = pagePolicy("connect-src 'self'");

/** The files that the page refers to, apart from `page.css`, by name relative to the page. */
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

const SAMPLE: QueryType<number> = {
  ...integer(0, 999_999_999_999_999),
  expected: "the number of a sample, as in history.last",
};

/** Returns `after` in a query of `GET /dashboard/data`: the newest sample that the client has; 0 for none. Throws `INVALID_QUERY`. */
export function parseLastSample(query: string): number {
  return queryValue(query, "after", SAMPLE) ?? 0;
}
