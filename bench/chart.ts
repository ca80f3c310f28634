import path from "node:path";
import { fileURLToPath } from "node:url";
import { outputFileSync } from "fs-extra/esm";
import type { HttpRow } from "./http.js";
import { newestResults } from "./results.js";
import { CHART_TEXT, chartFrame, renderSvg } from "./svg-chart.js";
import { grouped, ratio } from "./table.js";

const file = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "docs", "benchmark.svg");
const CONNECTIONS = 64;
const WIDTH = 860;
const BAR = 34;
const MARGINS = 108;
/** Readable on white and on black. */
const COLORS: Record<HttpRow["keeps"], { readonly color: string; readonly label: string }> = {
  nothing: { color: "#8b949e", label: "stores nothing" },
  log: { color: "#2da44e", label: "durable in our log" },
  database: { color: "#4184e4", label: "waits for a database" },
};

/** Draws the newest results of `http` for the README. Returns a line that names the file and the results. */
export function drawChart(): string {
  const results = newestResults("http");
  const all = (results?.benchmarks["http"]?.rows ?? []) as readonly HttpRow[];
  const rows = all
    .filter((row) => row.connections === CONNECTIONS && row.counters === 1)
    .sort((a, b) => a.answersPerSecond.median - b.answersPerSecond.median);
  if (results === undefined || rows.length === 0) {
    throw new Error(
      `bench/results has no results at ${CONNECTIONS} connections on one counter; run: npm run bench -- http`,
    );
  }
  const { cpu, cores, node } = results.machine;
  outputFileSync(file, draw(rows, `${CONNECTIONS} connections, one counter · Node ${node}, ${cores} × ${cpu}`));
  return `docs/benchmark.svg drawn from the results of ${results.benchmarks["http"]?.date}`;
}

function draw(rows: readonly HttpRow[], subtext: string): string {
  return renderSvg(WIDTH, rows.length * BAR + MARGINS, {
    ...chartFrame("Answers per second to POST /hits/:counter, and ratio to Koa + router", subtext, {
      height: 12,
      shape: "roundRect",
    }),
    grid: { left: 340, right: 150, top: 66, bottom: 32 },
    xAxis: { type: "value", show: false },
    yAxis: {
      type: "category",
      data: rows.map((row) => row.contestant),
      axisLabel: { color: CHART_TEXT, fontSize: 13 },
      axisLine: { show: false },
      axisTick: { show: false },
    },
    // One series per color, for the legend; stacked, so that each row has one bar.
    series: Object.entries(COLORS).map(([keeps, { color, label }]) => ({
      name: label,
      type: "bar",
      stack: "all",
      barWidth: 22,
      color,
      data: rows.map((row) => (row.keeps === keeps ? row.answersPerSecond.median : null)),
      label: {
        show: true,
        position: "right",
        color: CHART_TEXT,
        fontSize: 13,
        formatter: ({ dataIndex }: { dataIndex: number }) => labelOf(rows[dataIndex]),
      },
    })),
  });
}

function labelOf(row: HttpRow | undefined): string {
  return row === undefined ? "" : `${grouped(row.answersPerSecond.median)} · ${ratio(row.toKoaRouter.median)} ×`;
}
