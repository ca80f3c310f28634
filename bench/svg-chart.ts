import { type EChartsCoreOption, init } from "echarts";

/** Readable on white and on black. */
export const CHART_TEXT = "#76808b";
const CHART_FONT = "-apple-system, Segoe UI, Helvetica, Arial, sans-serif";

/** Renders a chart as SVG; width and height are in pixels. */
export function renderSvg(width: number, height: number, option: EChartsCoreOption): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
  chart.setOption(option);
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

/** The options that all charts share: a title, a line below it, and a legend at the bottom. */
export function chartFrame(text: string, subtext: string, icon: { readonly height: number; readonly shape: string }) {
  return {
    animation: false,
    textStyle: { fontFamily: CHART_FONT, color: CHART_TEXT },
    title: {
      text,
      subtext,
      left: 0,
      textStyle: { color: CHART_TEXT, fontSize: 16 },
      subtextStyle: { color: CHART_TEXT, fontSize: 12 },
    },
    legend: {
      left: 0,
      bottom: 0,
      // Widths are computed for Helvetica; other fonts are wider.
      itemGap: 56,
      textStyle: { color: CHART_TEXT, fontSize: 12 },
      icon: icon.shape,
      itemHeight: icon.height,
    },
  };
}
