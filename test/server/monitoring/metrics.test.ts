/** Scrapes, compared with what was done to a real log on a real disk. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HitsError } from "../../../src/errors.js";
import { Budgets } from "../../../src/http/access/budgets.js";
import { codeOf } from "../../support/code-of.js";
import type { LocalLogOptions } from "../../support/local-log.js";
import { type LocalServices, openLocalServices } from "../../support/local-services.js";
import { parseMetrics, type Samples, samplesOf } from "../../support/metrics-text.js";
import { temporaryDirectory } from "../../support/server-process.js";

interface Scraped extends LocalServices {
  scrape(budgets?: Budgets): Promise<Samples>;
}

async function withServices(use: (running: Scraped) => Promise<void>, options: LocalLogOptions = {}): Promise<void> {
  const services = await openLocalServices(`${temporaryDirectory()}/wal`, options);
  const scrape = async (budgets = new Budgets()) =>
    parseMetrics((await services.metrics.render(budgets.figures())).body);
  try {
    await use({ ...services, scrape });
  } finally {
    await services.run.close();
  }
}

test("before the first hit all metrics are present, in valid text format", () =>
  withServices(async ({ metrics, scrape }) => {
    assert.is((await metrics.render(new Budgets().figures())).type, "text/plain; version=0.0.4; charset=utf-8");
    const samples = await scrape();
    for (const name of ["accepted_total", "log_end_offset", "append_duration_seconds_count", "batch_records_sum"]) {
      assert.is(samples.get(`durable_hits_${name}`), 0, name);
    }
    assert.is(samples.get("durable_hits_ready"), 1);
    assert.is(samples.get('durable_hits_build_info{version="1.2.3",node="20.19.0",role="all"}'), 1);
    assert.is(samples.get('durable_hits_rejected_total{code="QUEUE_FULL"}'), 0);
    assert.ok((samples.get("durable_hits_log_free_bytes") ?? 0) > 0);
    for (const name of ["process_cpu_seconds_total", "process_resident_memory_bytes", "nodejs_heap_size_used_bytes"]) {
      assert.ok((samples.get(name) ?? 0) > 0, name);
    }
  }));

test("hits: accepted, refused by code, not counted by reason; each request has its latency, each batch its write", () =>
  withServices(
    async ({ run, tally, scrape }) => {
      await run.hit("a", 30);
      await run.recordAll(Array.from({ length: 12 }, () => ({ counter: "b", n: 5 })));
      await run.record({ counter: "a", n: 1, id: "key" });
      await run.record({ counter: "a", n: 1, id: "key" });
      assert.is(await codeOf(run.record({ counter: "c", n: 1 })), "TOO_MANY_COUNTERS");
      tally.noteRejected("TOO_MANY_COUNTERS", 1);
      tally.noteRejected("INVALID_N", 7);
      tally.noteRejected("INVALID_N", 2);
      tally.noteNotCounted("bot");
      tally.noteNotCounted("bot");
      tally.noteNotCounted("peek");
      const budgets = new Budgets({ streams: 9 });
      for (let i = 0; i < 3; i++) budgets.streams.take({ key: 1, standing: "local" }, 1, { evict: () => undefined });
      const first = await scrape(budgets);
      const samples = await scrape(budgets);
      assert.equal(samplesOf(samples, "durable_hits_rejected"), samplesOf(first, "durable_hits_rejected"));
      const value = (name: string) => samples.get(`durable_hits_${name}`);
      assert.is(value("accepted_total"), 43, "a retry is no hit");
      assert.equal(nonZero(samplesOf(samples, "durable_hits_rejected_total")), {
        '{code="TOO_MANY_COUNTERS"}': 1,
        '{code="INVALID_N"}': 9,
      });
      assert.equal(samplesOf(samples, "durable_hits_not_counted_total"), { '{reason="bot"}': 2, '{reason="peek"}': 1 });
      assert.is(value("log_end_offset"), 43);
      assert.is(value("batch_records_sum"), 43, "every hit is in one batch");
      assert.is(value("append_duration_seconds_count"), 32, "30 hits, one bulk request, one hit with a key");
      const batches = value("batch_records_count") ?? 0;
      assert.ok(batches >= 1 && batches <= 32, `${batches} batches`);
      assert.is(value("write_duration_seconds_count"), batches);
      assert.is(value('append_duration_seconds_bucket{le="+Inf"}'), 32);
      assert.ok((value("append_duration_seconds_sum") ?? 0) >= (value("write_duration_seconds_sum") ?? 0));
      assert.ok((value("write_duration_seconds_sum") ?? 0) > 0);
      assert.ok((value("log_written_bytes_total") ?? 0) > 43);
      assert.equal([value("counters"), value("counters_limit")], [2, 2]);
      assert.equal([value("idempotency_keys"), value("idempotency_keys_limit")], [1, 9]);
      assert.is(value('budget_used{resource="streams"}'), 3);
      assert.is(value('budget_limit{resource="streams"}'), 9);
      assert.is(value('budget_evicted_total{resource="bulk_bytes"}'), 0);
      assert.is(value('budget_refused_total{resource="answer_bytes"}'), 0);
    },
    { maxCounters: 2, maxIdempotencyKeys: 9 },
  ));

function nonZero(values: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== 0));
}

test("the log: the figures of the status, and queued bytes", () =>
  withServices(
    async ({ run, status, scrape }) => {
      for (let batch = 0; batch < 4; batch++) await run.recordAll(many(900));
      await scrape();
      const waiting = run.recordAll(many(20));
      const samples = await scrape();
      const value = (name: string) => samples.get(`durable_hits_log_${name}`);
      assert.ok((value("queued_bytes") ?? 0) >= 20, "scraped before its write began");
      await waiting;
      const { log } = status.read();
      assert.ok(log.segments > 1, `${log.segments} segments`);
      assert.equal(
        [value("start_offset"), value("end_offset"), value("epoch"), value("segments"), value("size_bytes")],
        [0, 3600, log.epoch, log.segments, log.bytes],
      );
      assert.is(value("damage"), 0);
      assert.is(value("queue_limit_bytes"), 1024 * 1024);
      const damage = { file: "1.log", byte: 64, from: 1, to: 2, expected: "a batch", found: "zeros" };
      run.log.reportDamage(damage as unknown as Parameters<typeof run.log.reportDamage>[0]);
      assert.is((await scrape()).get("durable_hits_log_damage"), 1);
      assert.is((await scrape()).get("durable_hits_log_queued_bytes"), 0);
    },
    { segmentBytes: 64 * 1024 },
  ));

function many(hits: number) {
  return Array.from({ length: hits }, (_, i) => ({ counter: `a fairly long name of counter ${i}`, n: 1 }));
}

test("projections: lag, checkpoint, blocked, errors, and which state it is in; one that is gone leaves no samples", () =>
  withServices(async ({ run, external, scrape }) => {
    await run.hit("a", 5);
    const mongodb = { name: "mongodb", checkpoint: 2, lag: 3, blocked: 4, lastError: null, since: "" };
    external.projections = [
      { ...mongodb, state: "retrying", errors: 6 },
      { ...mongodb, name: "elsewhere", state: "running" },
    ];
    const samples = samplesOf(await scrape(), "durable_hits_projection_");
    assert.equal(samples, {
      'lag_hits{projection="local"}': 0,
      'lag_hits{projection="mongodb"}': 3,
      'lag_hits{projection="elsewhere"}': 3,
      'checkpoint_offset{projection="local"}': 5,
      'checkpoint_offset{projection="mongodb"}': 2,
      'checkpoint_offset{projection="elsewhere"}': 2,
      'blocked_counters{projection="local"}': 0,
      'blocked_counters{projection="mongodb"}': 4,
      'blocked_counters{projection="elsewhere"}': 4,
      'errors_total{projection="mongodb"}': 6,
      'state{projection="local",state="running"}': 1,
      'state{projection="local",state="retrying"}': 0,
      'state{projection="local",state="halted"}': 0,
      'state{projection="mongodb",state="running"}': 0,
      'state{projection="mongodb",state="retrying"}': 1,
      'state{projection="mongodb",state="halted"}': 0,
      'state{projection="elsewhere",state="running"}': 1,
      'state{projection="elsewhere",state="retrying"}': 0,
      'state{projection="elsewhere",state="halted"}': 0,
    });
    external.projections = [{ ...mongodb, state: "halted", errors: 7 }];
    const later = samplesOf(await scrape(), "durable_hits_projection_");
    assert.not.ok(Object.keys(later).some((key) => key.includes("elsewhere")));
    assert.is(later['errors_total{projection="mongodb"}'], 7);
    assert.is(later['state{projection="mongodb",state="halted"}'], 1);
    assert.is(later['state{projection="mongodb",state="retrying"}'], 0);
  }));

test("a log that takes no more hits: not ready, and refusals are counted", () =>
  withServices(async ({ run, tally, scrape }) => {
    await run.hit("a");
    await run.log.drain();
    const error = await run.record({ counter: "a", n: 1 }).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof HitsError);
    tally.noteRejected(error.code, 1);
    const samples = await scrape();
    assert.is(samples.get("durable_hits_ready"), 0);
    assert.is(samples.get('durable_hits_rejected_total{code="CLOSING"}'), 1);
    assert.is(samples.get("durable_hits_accepted_total"), 1);
  }));

test("two servers of one process are separate, and so are concurrent scrapes", () =>
  withServices(async (one) => {
    await withServices(async (other) => {
      await one.run.hit("a", 2);
      await other.run.hit("a", 3);
      const scrapes = await Promise.all([one.scrape(), other.scrape(), one.scrape(), other.scrape()]);
      assert.equal(
        scrapes.map((samples) => samples.get("durable_hits_batch_records_sum")),
        [2, 3, 2, 3],
      );
      assert.equal(
        scrapes.map((samples) => samples.get("durable_hits_accepted_total")),
        [2, 3, 2, 3],
      );
    });
  }));

test.run();
