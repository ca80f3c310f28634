import { type EChartsCoreOption, init } from "echarts";

/** Readable on white and on black. */
export const CHART_TEXT = "#76808b";
export const CHART_FONT = "-apple-system, Segoe UI, Helvetica, Arial, sans-serif";

/** A chart as SVG, of so many pixels. */
export function svgOf(width: number, height: number, option: EChartsCoreOption): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
  chart.setOption(option);
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
