// Charts of the dashboard: SVG made by DOM methods. Their text is in the page, never in the SVG.

const HOUR_MS = 3_600_000;
const WIDTH = 720;
const HEIGHT = 100;
const STATES = ["none", "running", "retrying", "halted"];

function svg(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

/** Returns the smallest of 1, 2, 5, 10, 20, … that is not below the value. */
export function ceiling(value) {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value) ?? value;
}

/** Splits samples into runs without a gap: no line is drawn where none was taken (a stopped server). */
function runs(samples, everyMs) {
  const all = [];
  for (const [i, sample] of samples.entries()) {
    if (i === 0 || sample.at - samples[i - 1].at > 3 * everyMs) all.push([]);
    all.at(-1).push(sample);
  }
  return all;
}

/** Draws the last hour as a line above an area. Returns the top of the scale. */
export function drawLine(chart, { samples, value, now, everyMs }) {
  const top = ceiling(samples.reduce((most, one) => Math.max(most, value(one)), 0));
  const x = (at) => (WIDTH * (1 - (now - at) / HOUR_MS)).toFixed(1);
  const y = (n) => (HEIGHT * (1 - n / top)).toFixed(1);
  let line = "";
  let area = "";
  for (const run of runs(samples, everyMs)) {
    const points = run.map((one) => `${x(one.at)} ${y(value(one))}`);
    // A single sample has no length of its own: it stands for the time before it.
    if (run.length === 1) points.unshift(`${x(run[0].at - everyMs)} ${y(value(run[0]))}`);
    const start = points[0].split(" ")[0];
    line += `M${points.join("L")}`;
    area += `M${start} ${HEIGHT}L${points.join("L")}L${x(run.at(-1).at)} ${HEIGHT}Z`;
  }
  if (chart.childElementCount === 0) {
    chart.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    chart.setAttribute("preserveAspectRatio", "none");
    chart.append(svg("path", { class: "area" }), svg("path", { class: "line" }));
  }
  chart.children[0].setAttribute("d", area);
  chart.children[1].setAttribute("d", line);
  return top;
}

/** Draws the states of MongoDB as bars along the hour, distinguished by height and hatching as well as colour. */
export function drawStates(strip, { samples, now, everyMs }) {
  const bars = [];
  for (const run of runs(samples, everyMs)) {
    for (const { at, state } of run) {
      const last = bars.at(-1);
      if (last !== undefined && last.state === state && at - last.to <= 3 * everyMs) last.to = at;
      else
        bars.push({ state, from: last !== undefined && at - last.to <= 3 * everyMs ? last.to : at - everyMs, to: at });
    }
  }
  const percent = (at) => Math.max(0, 100 * (1 - (now - at) / HOUR_MS));
  const rects = bars.map(({ state, from, to }) => {
    const width = `${Math.max(0, percent(to) - percent(from)).toFixed(2)}%`;
    return svg("rect", { class: STATES[state] ?? "none", x: `${percent(from).toFixed(2)}%`, width, height: "100%" });
  });
  strip.replaceChildren(...rects);
}

/** Returns a chart with a bar for each hour. */
export function sparkline(hours) {
  const top = Math.max(1, ...hours);
  const chart = svg("svg", { class: "spark", viewBox: `0 0 ${hours.length * 4} 24`, preserveAspectRatio: "none" });
  let bars = "";
  for (const [i, n] of hours.entries()) {
    // An hour with a single hit is visible next to one with a million.
    const height = n === 0 ? 0.5 : Math.max(1.5, (24 * n) / top);
    bars += `M${i * 4} 24v${-height.toFixed(1)}h3v${height.toFixed(1)}z`;
  }
  chart.append(svg("path", { d: bars }));
  return chart;
}
