/** The doctor's measurement of writes, and its judgement of the times. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { deviceFacts, judgeWrites, measureWrites, percentile } from "../../../src/cli/doctor/disk.js";
import type { FileSystem, OpenFile, OpenMode } from "../../../src/wal/file-system.js";
import { LogDirectory } from "../../../src/wal/log-directory.js";
import { nodeFileSystem } from "../../../src/wal/node-file-system.js";
import { probesOf } from "./probes.js";

const FLASH = { rotational: false, cache: "write back" };
const times = (milliseconds: number, count = 100) => new Array<number>(count).fill(milliseconds);
const [sync, latency] = [0, 1];

function judged(durable: readonly number[], plain = 0.02, device: Parameters<typeof judgeWrites>[1] = FLASH) {
  return judgeWrites({ durable, plain: times(plain) }, device);
}

test("a sync with an effect, and one without", () => {
  assert.is(judged(times(0.03))[sync]?.level, "ok");
  assert.match(
    judged(times(0.5))[sync]?.found ?? "",
    /^2000 sequential durable writes .*500 µs each, 20 µs without.*write back/,
  );
  const none = judged(times(0.024))[sync];
  assert.is(none?.level, "problem");
  assert.match(none?.found ?? "", /a sync has no effect here/);
  // A busy machine makes half of the writes slow, in both alike: the fast ones decide.
  assert.is(judged([...times(0.021, 50), ...times(9, 50)])[sync]?.level, "problem");
});

test("a rate that is impossible for the device", () => {
  const disk = { rotational: true, cache: undefined };
  const quick = judged(times(0.2), 0.02, disk)[sync];
  assert.is(quick?.level, "warning");
  assert.match(quick?.found ?? "", /^5000 sequential durable .*too fast for a rotating disk/);
  assert.match(quick?.advice ?? "", /power cut.*Virtual disks/);
  assert.is(judged(times(8.3), 0.02, disk)[sync]?.level, "ok");
  assert.is(judged(times(0.2), 0.02, { rotational: undefined, cache: undefined })[sync]?.level, "ok");
});

test("latencies: percentiles, slow ones, stalls", () => {
  const ascending = Array.from({ length: 100 }, (_, at) => (at + 1) / 10);
  assert.equal(
    [50, 90, 99, 100].map((p) => percentile(ascending, p)),
    [5, 9, 9.9, 10],
  );
  assert.match(
    judged(ascending)[latency]?.found ?? "",
    /p50 5.0 ms, p90 9.0 ms, p99 9.9 ms, max 10.0 ms \(100 writes\)/,
  );
  assert.is(judged(ascending)[latency]?.level, "ok");
  assert.is(judged(times(16))[latency]?.level, "note");
  assert.is(judged([...times(1, 98), 101, 101])[latency]?.level, "warning");
  assert.is(judged([...times(1, 199), 1001])[latency]?.level, "warning");
  const hangs = judgeWrites("hangs", FLASH);
  assert.equal([hangs.length, hangs[0]?.level], [1, "problem"]);
});

test("the kernel's facts about a device, and about a partition", () => {
  const queue = { rotational: "1\n", write_cache: "write through\n" };
  const at = (where: string) =>
    probesOf({ files: Object.fromEntries(Object.entries(queue).map(([name, text]) => [`${where}/${name}`, text])) });
  const facts = { rotational: true, cache: "write through" };
  assert.equal(deviceFacts(at("/sys/dev/block/8:0/queue"), "8:0"), facts);
  assert.equal(deviceFacts(at("/sys/dev/block/8:1/../queue"), "8:1"), facts);
  assert.equal(deviceFacts(probesOf({}), "0:33"), { rotational: undefined, cache: undefined });
});

/** A file system that counts what the measurement does. */
class Watched {
  written = 0;
  syncs = 0;
  readonly opened: OpenMode[] = [];
  readonly fs: FileSystem;

  constructor(writesAreDurable: boolean, delayMs = 0) {
    this.fs = {
      ...nodeFileSystem,
      open: async (file, mode) => {
        this.opened.push(mode);
        const handle = await nodeFileSystem.open(file, mode);
        return this.#watch(handle, writesAreDurable, delayMs);
      },
    };
  }

  #watch(handle: OpenFile, writesAreDurable: boolean, delayMs: number): OpenFile {
    return {
      writesAreDurable,
      read: (...args) => handle.read(...args),
      write: async (buffer, offset, length, position) => {
        this.written += length;
        if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs).unref());
        return await handle.write(buffer, offset, length, position);
      },
      sync: async () => {
        this.syncs++;
        await handle.sync();
      },
      truncate: (size) => handle.truncate(size),
      size: () => handle.size(),
      close: () => handle.close(),
    };
  }
}

async function inScratch(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(path.join(tmpdir(), "hits-doctor-"));
  try {
    await use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test("it writes as the log does, and no more than documented", () =>
  inScratch(async (scratch) => {
    const watched = new Watched(true);
    const measured = await measureWrites(new LogDirectory(scratch, watched.fs), Number.POSITIVE_INFINITY);
    assert.ok(measured !== "hangs" && measured.durable.length > 0 && measured.plain.length > 0);
    assert.equal(watched.opened, ["create", "durable", "update"]);
    assert.ok(watched.written <= 24 * 1024 * 1024, `${watched.written} bytes`);
    assert.equal(readdirSync(scratch), ["prepared.tmp"]);
    assert.equal(
      [...measured.durable].sort((a, b) => a - b),
      [...measured.durable],
    );
  }));

test("a write that is not durable is synced, as in the log; with little space it writes little", () =>
  inScratch(async (scratch) => {
    const watched = new Watched(false);
    const measured = await measureWrites(new LogDirectory(scratch, watched.fs), 80 * 4096);
    assert.ok(measured !== "hangs");
    assert.is(measured.durable.length, 20);
    assert.is(watched.syncs, 20 + 1, "each durable one, and the prepared file");
    assert.is(watched.written, 3 * 20 * 4096);
  }));

test("a disk that hangs is given up", () =>
  inScratch(async (scratch) => {
    const keepAlive = setInterval(() => undefined, 1000);
    try {
      assert.is(await measureWrites(new LogDirectory(scratch, new Watched(true, 60_000).fs), 4096 * 16), "hangs");
    } finally {
      clearInterval(keepAlive);
    }
  }));

test.run();
