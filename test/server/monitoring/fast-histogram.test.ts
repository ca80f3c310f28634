import { Histogram, Registry } from "prom-client";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { FastHistogram } from "../../../src/server/monitoring/fast-histogram.js";

test("it shows exactly what prom-client's own shows", async () => {
  const configuration = { name: "seconds", help: "How long.", buckets: [0.0005, 0.001, 0.5, 2] };
  const [ours, theirs] = [new Registry(), new Registry()];
  const fast = new FastHistogram({ ...configuration, registers: [ours] });
  const slow = new Histogram({ ...configuration, registers: [theirs] });
  assert.is(await ours.metrics(), await theirs.metrics(), "before any value");
  for (const value of [0, 0.0005, 0.00051, 0.001, 0.3, 0.5, 1, 2, 2.0001, 7, 0.3]) {
    fast.add(value);
    slow.observe(value);
  }
  assert.is(await ours.metrics(), await theirs.metrics());
  assert.is(await ours.metrics(), await theirs.metrics(), "showing changes nothing");
});

test.run();
