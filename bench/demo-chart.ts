import type { Second } from "./demo-table.js";
import { CHART_TEXT, chartFrame, renderSvg } from "./svg-chart.js";

const ACCEPTED = "#2da44e";
const PROJECTED = "#4184e4";
const AWAY = "rgba(219, 109, 40, 0.16)";
const DOWN = "rgba(218, 54, 51, 0.28)";

/** Draws the demo as an SVG: hits accepted, hits confirmed by MongoDB, and when MongoDB or our server was away. */
export function drawStory(seconds: readonly Second[]): string {
  const at = ({ seconds: time }: Second) => Math.round(time * 10) / 10;
  return renderSvg(860, 380, {
    ...chartFrame(
      "MongoDB is killed, comes back, hangs; our server is killed; both come back",
      "Hits answered with 202 and hits confirmed by MongoDB, second by second: npm run demo",
      { height: 4, shape: "roundRect" },
    ),
    grid: { left: 52, right: 12, top: 70, bottom: 56 },
    xAxis: {
      type: "value",
      max: "dataMax",
      axisLabel: { color: CHART_TEXT, formatter: "{value} s", showMaxLabel: false },
      splitLine: { show: false },
      axisLine: { lineStyle: { color: CHART_TEXT } },
    },
    yAxis: {
      type: "value",
      axisLabel: { color: CHART_TEXT, formatter: (value: number) => value.toLocaleString("en-US") },
      splitLine: { lineStyle: { color: CHART_TEXT, opacity: 0.2 } },
    },
    series: [
      {
        name: "accepted: answered with 202",
        type: "line",
        showSymbol: false,
        color: ACCEPTED,
        lineStyle: { width: 3 },
        data: seconds.map((second) => [at(second), second.acknowledged]),
        markArea: {
          silent: true,
          label: { color: CHART_TEXT, fontSize: 11, position: "insideTop" },
          data: spans(seconds).map(({ from, to, isDown }) => [
            {
              name: isDown ? "server killed" : "MongoDB away",
              xAxis: from,
              itemStyle: { color: isDown ? DOWN : AWAY },
              // Lower than its neighbour's label: the area is too narrow for both side by side.
              label: { offset: isDown ? [0, 16] : [0, 0] },
            },
            { xAxis: to },
          ]),
        },
      },
      {
        name: "projected: confirmed by MongoDB",
        type: "line",
        showSymbol: false,
        connectNulls: false,
        color: PROJECTED,
        lineStyle: { width: 3 },
        data: seconds.map((second) => [at(second), second.figures?.projected ?? null]),
      },
    ],
  });
}

interface Span {
  readonly from: number;
  to: number;
  readonly isDown: boolean;
}

/** Returns when MongoDB was away, as our server saw it, and when our server was. */
function spans(seconds: readonly Second[]): readonly Span[] {
  const found: Span[] = [];
  for (const { seconds: time, figures, mongodb } of seconds) {
    if (figures !== undefined && mongodb === "up") continue;
    const isDown = figures === undefined;
    const last = found.at(-1);
    if (last !== undefined && last.isDown === isDown && time - last.to < 1.5) last.to = time;
    else found.push({ from: Math.max(0, time - 1), to: time, isDown });
  }
  return found;
}
