import type { Context } from "koa";
import type { CounterSeries } from "../../model/counters.js";
import type { Services } from "../../model/services.js";
import { JSON_TYPE } from "../answer.js";
import { asksForCsv, seriesQueryIn } from "./series-query.js";

/** Answers with a counter's hits by hour or day, as JSON or CSV. Throws `INVALID_QUERY`. */
export function answerSeries(ctx: Context, services: Services, counter: string): void {
  const isCsv = asksForCsv(ctx);
  const series = services.view.series(seriesQueryIn(counter, ctx.querystring, Date.now()));
  if (isCsv) {
    // Whatever the counter is called: letters, digits and a dash can't mean anything to a header or a file system.
    const name = counter.replaceAll(/[^A-Za-z0-9]+/g, "-").replaceAll(/^-|-$/g, "");
    ctx.attachment(`${name.slice(0, 64) || "counter"}-by-${series.by}.csv`);
    ctx.set("Content-Type", "text/csv; charset=utf-8; header=present");
    ctx.body = csv(series);
  } else {
    ctx.set("Content-Type", JSON_TYPE);
    ctx.body = JSON.stringify(series);
  }
}

/** Neither a time nor a number needs quotes. */
function csv({ points }: CounterSeries): string {
  return ["at,count", ...points.map(({ at, count }) => `${at},${count}`), ""].join("\r\n");
}
