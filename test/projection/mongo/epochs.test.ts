import { test } from "uvu";
import * as assert from "uvu/assert";
import { Epochs } from "../../../src/projection/mongo/epochs.js";
import { directoryOn, segments } from "../../support/log-files.js";
import { HitLog } from "./hit-log.js";

async function epochsOf(log: HitLog, remembered: { epoch: number; nonce: string }[] = []): Promise<Epochs> {
  const epochs = new Epochs(directoryOn(log.fs), remembered);
  await epochs.refresh();
  return epochs;
}

test("has the nonces of its openings, and the ends of those that have ended", async () => {
  const log = await HitLog.open();
  const first = { epoch: log.log.epoch, nonce: log.log.nonce };
  await log.hit("home", 1, 3);
  await log.reopen();
  await log.hit("home");
  const second = { epoch: log.log.epoch, nonce: log.log.nonce };
  const epochs = await epochsOf(log);
  assert.ok(epochs.has(first) && epochs.has(second));
  assert.not.ok(epochs.has({ ...first, nonce: "other" }));
  assert.not.ok(epochs.has({ epoch: 99, nonce: first.nonce }));
  assert.equal([epochs.hasEnded(first.epoch), epochs.hasEnded(second.epoch)], [true, false]);
  assert.not.ok(epochs.isPastEnd({ ...first, offset: 3 }));
  assert.ok(epochs.isPastEnd({ ...first, offset: 4 }));
  assert.not.ok(epochs.isPastEnd({ ...second, offset: 10 ** 9 }), "it has not ended");
  await log.log.close();
});

test("a later opening is found by a refresh", async () => {
  const log = await HitLog.open();
  await log.hit("home");
  const epochs = await epochsOf(log);
  await log.reopen();
  await log.hit("home");
  const { epoch, nonce } = log.log;
  assert.not.ok(epochs.has({ epoch, nonce }));
  await epochs.refresh();
  assert.ok(epochs.has({ epoch, nonce }));
  await log.log.close();
});

test("openings without a hit: the epoch before them ended with its hits", async () => {
  const log = await HitLog.open();
  await log.hit("home", 1, 2);
  const first = { epoch: log.log.epoch, nonce: log.log.nonce };
  for (let opening = 0; opening < 3; opening++) await log.reopen();
  await log.hit("home");
  const epochs = await epochsOf(log);
  assert.ok(epochs.isPastEnd({ ...first, offset: 3 }));
  assert.not.ok(epochs.isPastEnd({ ...first, offset: 2 }));
  await log.log.close();
});

test("an epoch whose segments are gone is known from the registration", async () => {
  const log = await HitLog.open();
  await log.hit("home");
  const first = { epoch: log.log.epoch, nonce: log.log.nonce };
  await log.reopen();
  await log.hit("home");
  log.fs.remove(segments(log.fs)[0] ?? "");
  assert.not.ok((await epochsOf(log)).has(first));
  const epochs = await epochsOf(log, [first]);
  assert.ok(epochs.has(first));
  assert.equal(epochs.list()[0], first);
  await log.log.close();
});

test("at an offset: the epoch of the record before it", async () => {
  const log = await HitLog.open();
  await log.hit("home");
  const first = log.log.epoch;
  await log.reopen();
  const offset = await log.hit("home");
  const epochs = await epochsOf(log);
  assert.is(epochs.epochAt(0), undefined);
  assert.equal([epochs.epochAt(1)?.epoch, epochs.epochAt(offset + 1)?.epoch], [first, log.log.epoch]);
  await log.log.close();
});

test("keeps a bounded number of epochs and drops the oldest", async () => {
  const log = await HitLog.open();
  const epochs = new Epochs(directoryOn(log.fs), []);
  for (let epoch = 1; epoch <= 10_050; epoch++) epochs.add({ epoch, nonce: `n${epoch}` });
  epochs.add({ epoch: 20_000, nonce: "" });
  assert.equal([epochs.list().length, epochs.list()[0]?.epoch, epochs.list().at(-1)?.epoch], [10_000, 51, 10_050]);
  await log.log.close();
});

test.run();
