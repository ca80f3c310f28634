import * as prom from "prom-client";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Histogram } from "../../../src/server/monitoring/histogram.js";

test("its text is exactly that of prom-client's histogram", async () => {
  const [name, help, bounds] = ["seconds", "How long.", [0.00005, 0.001, 0.5, 2]];
  const registry = new prom.Registry();
  const ours = new Histogram({ name, help, bounds });
  const theirs = new prom.Histogram({ name, help, buckets: bounds, registers: [registry] });
  assert.is(ours.text(), await registry.metrics(), "before any value");
  for (const value of [0, 0.00005, 0.000051, 0.001, 0.3, 0.5, 1, 2, 2.0001, 7, 0.3]) {
    ours.add(value);
    theirs.observe(value);
  }
  assert.is(ours.text(), await registry.metrics());
  assert.is(ours.text(), await registry.metrics(), "rendering changes nothing");
});

test.run();
