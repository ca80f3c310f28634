/** `GET /metrics` of a real server while its MongoDB is away, and back. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { eventually } from "../projection/mongo/documents.js";
import { parseMetrics, type Samples, samplesOf } from "../support/metrics-text.js";
import { mongoTests } from "../support/mongodb/mongo-test.js";
import { type ServerProcess, temporaryDirectory } from "../support/server-process.js";
import { trackedServers } from "../support/tracked-servers.js";

const { controlTest } = await mongoTests();
const start = trackedServers();

async function scrape(server: ServerProcess): Promise<Samples> {
  const response = await fetch(`${server.url}/metrics`);
  assert.is(response.status, 200);
  return parseMetrics(await response.text());
}

async function hit(server: ServerProcess, counter: string, times: number): Promise<void> {
  const answers = await Promise.all(
    Array.from({ length: times }, () => fetch(`${server.url}/hits/${counter}`, { method: "POST" })),
  );
  for (const answer of answers) {
    assert.is(answer.status, 202);
    await answer.text();
  }
}

const LAG = 'durable_hits_projection_lag_hits{projection="mongodb"}';
const ERRORS = 'durable_hits_projection_errors_total{projection="mongodb"}';
const RUNNING = 'durable_hits_projection_state{projection="mongodb",state="running"}';

controlTest("an outage: lag by exactly what came in, repeated errors, and nothing of it after", async (mongo) => {
  await mongo.start();
  const server = await start({
    WAL_DIR: `${temporaryDirectory()}/wal`,
    MONGODB_URL: mongo.url,
    MONGODB_DB: mongo.randomDatabase(),
    LOG_LEVEL: "silent",
  });
  await hit(server, "a", 7);
  await eventually("all is projected", async () => {
    const samples = await scrape(server);
    return (samples.get(LAG) === 0 && samples.get(RUNNING) === 1) || samplesOf(samples, "durable_hits_projection");
  });
  await mongo.kill();
  await hit(server, "a", 20);
  await hit(server, "b", 5);
  let before = 0;
  await eventually("the outage is seen", async () => {
    const samples = await scrape(server);
    assert.is(samples.get(LAG), 25);
    before = samples.get(ERRORS) ?? 0;
    return (samples.get(RUNNING) === 0 && before > 0) || samplesOf(samples, "durable_hits_projection");
  });
  await eventually("each try that fails is counted", async () => ((await scrape(server)).get(ERRORS) ?? 0) > before);
  const refused = await fetch(`${server.url}/hits/a?n=none`, { method: "POST" });
  assert.is(refused.status, 400);
  await mongo.start();
  await eventually("all is projected again", async () => {
    const samples = await scrape(server);
    return (samples.get(LAG) === 0 && samples.get(RUNNING) === 1) || samplesOf(samples, "durable_hits_projection");
  });
  const samples = await scrape(server);
  assert.equal(
    ["accepted_total", "log_end_offset", "batch_records_sum", "append_duration_seconds_count"].map((name) =>
      samples.get(`durable_hits_${name}`),
    ),
    [32, 32, 32, 32],
  );
  assert.is(samples.get('durable_hits_rejected_total{code="INVALID_N"}'), 1);
  assert.ok((samples.get(ERRORS) ?? 0) >= before, "a counter never goes back");
  await server.stop();
});

test.run();
