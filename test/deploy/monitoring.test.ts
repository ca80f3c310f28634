/** The dashboard and the alert rules, against what a server answers at /metrics. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { FreeSpace } from "../../src/host/free-space.js";
import { Budgets } from "../../src/http/access/budgets.js";
import type { ServiceStatus } from "../../src/model/status.js";
import { BatchMetrics } from "../../src/server/monitoring/batch-metrics.js";
import { Metrics } from "../../src/server/monitoring/metrics.js";
import { parseMetrics } from "../support/metrics-text.js";
import { temporaryDirectory } from "../support/server-process.js";
import {
  alertQueries,
  dashboard,
  dashboardQueries,
  groupedLabels,
  projectFile,
  projectText,
  selectorsIn,
} from "./shown-metrics.js";

const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;
if (!hasPromtool) console.log("SKIP queries and alert rules by promtool: it is not on the PATH (Debian: prometheus)");
const byPromtool = hasPromtool ? test : test.skip;

/** Metrics that Prometheus itself adds. */
const OUTSIDE_METRICS = new Set(["up"]);
const OUTSIDE_LABELS = new Set(["instance", "job"]);

const status: ServiceStatus = {
  log: { id: "x", epoch: 1, start: 0, end: 1, segments: 1, bytes: 1, damage: [], missing: [] },
  projections: ["local", "mongodb"].map((name) => ({
    name,
    checkpoint: 0,
    lag: 0,
    state: "running",
    blocked: 0,
    lastError: null,
    errors: 0,
    since: "2026-01-15T12:00:00Z",
  })),
  accepted: 1,
  rejected: 0,
  uptime: 1,
};

/** Each metric that there is, with the values of each of its labels. */
async function servedMetrics(): Promise<Map<string, Map<string, Set<string>>>> {
  const batches = new BatchMetrics();
  batches.note({ records: 1, bytes: 1, writeMs: 1, waitsMs: [1] });
  const metrics = new Metrics({
    build: { version: "1.2.3", node: "20.19.0", role: "all" },
    limits: { maxQueuedBytes: 1, maxCounters: 1, maxIdempotencyKeys: 1 },
    space: new FreeSpace(temporaryDirectory()),
    sources: {
      status: { read: () => status },
      readiness: { refusal: () => undefined },
      batches,
      tally: { rejected: new Map(), notCounted: new Map([["BOT", 1]]) },
      log: { queuedBytes: 0 },
      keys: { size: 1 },
      view: { size: 1 },
    },
  });
  const { body } = await metrics.render(new Budgets().figures());
  const served = new Map<string, Map<string, Set<string>>>();
  for (const sample of parseMetrics(body).keys()) {
    const name = /^\w+/.exec(sample)?.[0] ?? "";
    const labels = served.get(name) ?? new Map<string, Set<string>>();
    served.set(name, labels);
    for (const [, label = "", value = ""] of sample.matchAll(/(\w+)="([^"]*)"/g)) {
      labels.set(label, (labels.get(label) ?? new Set()).add(value));
    }
  }
  return served;
}

/** Lists the metrics and labels in a query that no server exposes. */
function unknownIn(query: string, served: ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>): string[] {
  const unknown: string[] = [];
  const labels = new Set(OUTSIDE_LABELS);
  for (const { metric, matchers } of selectorsIn(query)) {
    const known = served.get(metric);
    if (known === undefined && !OUTSIDE_METRICS.has(metric)) unknown.push(metric);
    for (const label of known?.keys() ?? []) labels.add(label);
    for (const { label, value } of matchers) {
      if (OUTSIDE_LABELS.has(label)) continue;
      for (const one of value.split("|")) {
        if (known?.get(label)?.has(one) !== true) unknown.push(`${metric}{${label}="${one}"}`);
      }
    }
  }
  return [...unknown, ...groupedLabels(query).filter((label) => !labels.has(label))];
}

test("what the check itself finds: a metric, a label, a value and a grouping that are not there", async () => {
  const served = await servedMetrics();
  assert.equal(unknownIn('sum by (instance, coed) (rate(durable_hits_rejected_total{code="DISK_FULL"}[5m]))', served), [
    "coed",
  ]);
  assert.equal(unknownIn('durable_hits_rejected_total{code=~"DISK_FULL|DISC_FULL"} > durable_hits_redy', served), [
    'durable_hits_rejected_total{code="DISC_FULL"}',
    "durable_hits_redy",
  ]);
  assert.equal(unknownIn('durable_hits_projection_state{sate="halted"}', served), [
    'durable_hits_projection_state{sate="halted"}',
  ]);
});

for (const [what, queries, atLeast] of [
  ["dashboard", dashboardQueries(), 30],
  ["alert rules", alertQueries(), 15],
] as const) {
  test(`${what}: every metric, label and value is one that a server answers with`, async () => {
    assert.ok(queries.length >= atLeast, `${queries.length} queries found`);
    const served = await servedMetrics();
    for (const query of queries) assert.equal(unknownIn(query, served), [], query);
  });
}

test("dashboard: panels have ids of their own, a title, and lie beside each other", () => {
  const { panels } = dashboard();
  assert.is(new Set(panels.map(({ id }) => id)).size, panels.length);
  const taken = new Map<string, string>();
  for (const { title, gridPos } of panels) {
    assert.is.not(title, "");
    assert.ok(gridPos.x + gridPos.w <= 24, title);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        assert.is(taken.get(`${x},${y}`), undefined, `${title} covers another panel`);
        taken.set(`${x},${y}`, title);
      }
    }
  }
});

test("alert rules: each one is tested, firing and silent", () => {
  const rules = [...projectText("deploy/prometheus-rules.yml").matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
  const tests = projectText("deploy/prometheus-rules.test.yml");
  for (const name of rules) {
    assert.match(tests, `- { alertname: ${name}, eval_time: 8h, exp_alerts: [] }`);
    assert.match(tests, `      - alertname: ${name}\n`);
  }
});

byPromtool(
  "promtool: the queries of the dashboard and the rules are valid, and alerts fire as their tests expect",
  () => {
    const asRules = path.join(temporaryDirectory(), "dashboard.yml");
    const rules = dashboardQueries().map((expr, index) => ({ record: `panel:query:${index}`, expr }));
    // JSON is YAML.
    writeFileSync(asRules, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
    promtool("check", "rules", asRules);
    promtool("check", "rules", projectFile("deploy/prometheus-rules.yml"));
    promtool("test", "rules", projectFile("deploy/prometheus-rules.test.yml"));
  },
);

function promtool(...args: string[]): void {
  const { status: ended, stdout, stderr } = spawnSync("promtool", args, { encoding: "utf8", timeout: 60_000 });
  assert.is(ended, 0, `promtool ${args.join(" ")}: ${stdout}${stderr}`);
}

test.run();
