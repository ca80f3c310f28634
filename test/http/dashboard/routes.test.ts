import { test } from "uvu";
import * as assert from "uvu/assert";
import { DASHBOARD_CSP, dashboardAssets, dashboardPage } from "../../../src/http/dashboard/dashboard.js";
import { OPEN_POLICY } from "../../../src/model/access.js";
import type { DashboardData } from "../../../src/model/dashboard-data.js";
import { expectProblem, withServer } from "../harness.js";

test("the page, its assets and its data", () =>
  withServer(async ({ url, services }) => {
    const page = await fetch(`${url}/dashboard`);
    assert.equal([page.status, page.headers.get("content-type")], [200, "text/html; charset=utf-8"]);
    assert.is(page.headers.get("content-security-policy"), DASHBOARD_CSP);
    assert.is(page.headers.get("cache-control"), "no-store");
    assert.is(page.headers.get("referrer-policy"), "no-referrer");
    const html = await page.text();
    for (const [, name] of html.matchAll(/(?:href|src)="([\w.-]+\.(?:css|js))"/g)) {
      assert.is((await fetch(`${url}/${name}`)).status, 200, name);
    }
    for (const [name, { body, type }] of dashboardAssets) {
      const asset = await fetch(`${url}/${name}`);
      assert.equal([asset.headers.get("content-type"), await asset.text()], [type, body]);
      for (const [, imported = ""] of body.matchAll(/from "\.\/([^"]+)"/g)) assert.ok(dashboardAssets.has(imported));
    }
    const data = await fetch(`${url}/dashboard/data?after=17`);
    assert.equal([data.status, data.headers.get("cache-control")], [200, "no-store"]);
    assert.is(((await data.json()) as DashboardData).accepted, 9000);
    assert.equal(services.dashboardsAfter, [17]);
    assert.equal(services.hits, [], "nothing is counted");
  }));

test("history is requested by the number of a sample", () =>
  withServer(async ({ url, services }) => {
    assert.is((await fetch(`${url}/dashboard/data`)).status, 200);
    assert.equal(services.dashboardsAfter, [0]);
    for (const after of ["-1", "1.5", "x", "", "1&after=2", "9999999999999999"]) {
      await expectProblem(await fetch(`${url}/dashboard/data?after=${after}`), 400, "INVALID_QUERY");
    }
  }));

test("with ADMIN_TOKEN the data needs it, and the page, which has no data, does not", () =>
  withServer(
    async ({ url, services }) => {
      for (const path of ["/dashboard", "/dashboard.css", "/dashboard.js"]) {
        assert.is((await fetch(url + path)).status, 200, path);
      }
      for (const authorization of ["", "Bearer wrong", "Basic s3cret"]) {
        const answer = await fetch(`${url}/dashboard/data`, { headers: { Authorization: authorization } });
        await expectProblem(answer, 401, "UNAUTHORIZED");
      }
      assert.equal(services.dashboardsAfter, []);
      const answer = await fetch(`${url}/dashboard/data`, { headers: { Authorization: "Bearer s3cret" } });
      assert.is(answer.status, 200);
    },
    { policy: { ...OPEN_POLICY, adminToken: "s3cret" } },
  ));

test("the policy allows nothing from other origins and nothing inline, and the page needs neither", () => {
  assert.not.match(DASHBOARD_CSP, /unsafe|\*|http/);
  for (const rule of ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"]) {
    assert.ok(DASHBOARD_CSP.split("; ").includes(rule), rule);
  }
  assert.not.match(dashboardPage, /\sstyle=|<style|\son\w+=|<script(?![^>]* src=)/);
  const everything = [dashboardPage, ...[...dashboardAssets.values()].map(({ body }) => body)].join("\n");
  // The namespace of SVG, from which nothing is loaded.
  assert.equal([...new Set(everything.match(/https?:\/\/[^\s"'`]*/g))], ["http://www.w3.org/2000/svg"]);
  assert.not.match(everything, /@import|url\((?!#)|innerHTML|insertAdjacent|document\.write|\beval\b/);
});

test.run();
