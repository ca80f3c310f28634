import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { inDirectory, jsonLines, wal } from "../wal/harness.js";
import { countsOf, type Imported, ndjson, type Run, runImporting } from "./harness.js";

interface World {
  readonly wal: string;
  readonly file: string;
  /** Imports the file, or the one that the arguments name, into the log directory. */
  run(args?: readonly string[], run?: Run): Promise<Imported>;
}

/** A test with a log directory, and a file with this content. */
function importing(name: string, content: string | Buffer, body: (world: World) => Promise<void>): void {
  test(name, async () => {
    await inDirectory(async (directory) => {
      const [log, file] = [`${directory}/wal`, `${directory}/input`];
      writeFileSync(file, content);
      const run = (args: readonly string[] = [file], { environment, stdin = [] }: Run = {}) =>
        runImporting(args, { environment: { WAL_DIR: log, WAL_SEGMENT_BYTES: "64KiB", ...environment }, stdin });
      await body({ wal: log, file, run });
    });
  });
}

/** Three batches. */
const TOTAL = 9001;
const MANY = ndjson(TOTAL);

importing(
  "a file counts once, however often it is imported, with its state file or without",
  MANY.text,
  async (world) => {
    const first = await world.run();
    assert.is(first.status, 0);
    assert.is(first.stderr, "");
    assert.is(readdirSync(`${world.wal}/snapshots`).length, 1, "a start reads no more of the log than it must");
    const { lines, counted, replayed, before, finished } = first.summary;
    assert.equal(
      { lines, counted, replayed, before, finished },
      { lines: TOTAL, counted: TOTAL, replayed: 0, before: 0, finished: true },
    );
    assert.equal(await countsOf(world.wal), MANY.counts);

    const second = await world.run();
    assert.is(second.summary.before, TOTAL);
    assert.is(second.summary.lines, 0);

    rmSync(`${world.file}.imported`);
    const third = await world.run();
    assert.is(third.status, 0);
    assert.equal([third.summary.counted, third.summary.replayed], [TOTAL, TOTAL]);
    assert.equal(await countsOf(world.wal), MANY.counts);
  },
);

importing("by another name, packed, or through standard input: the same lines count once", MANY.text, async (world) => {
  await world.run();
  writeFileSync(`${world.file}.1.gz`, gzipSync(MANY.text));
  const packed = await world.run([`${world.file}.1.gz`]);
  assert.equal([packed.summary.lines, packed.summary.replayed], [TOTAL, TOTAL]);
  const piped = await world.run(["-"], {
    stdin: [Buffer.from(MANY.text.slice(0, 1234)), Buffer.from(MANY.text.slice(1234))],
  });
  assert.equal([piped.summary.lines, piped.summary.replayed], [TOTAL, TOTAL]);
  const pipedPacked = await world.run(["-"], { stdin: [...gzipSync(MANY.text)].map((byte) => Buffer.from([byte])) });
  assert.equal([pipedPacked.summary.lines, pipedPacked.summary.replayed], [TOTAL, TOTAL]);
  assert.equal(await countsOf(world.wal), MANY.counts);
  assert.not.ok(existsSync("-.imported"), "standard input has no state file");
});

importing(
  "only what a grown file has more is sent; the state alone holds that, without ids too",
  MANY.text,
  async (world) => {
    for (const ids of [[], ["--no-ids"]]) {
      const { before } = (await world.run([world.file, ...ids])).summary;
      appendFileSync(world.file, '{"counter":"d","n":2}\n');
      const { summary } = await world.run([world.file, ...ids]);
      assert.equal([summary.before, summary.lines, summary.replayed], [before === 0 ? TOTAL : before, 1, 0]);
    }
    assert.equal(await countsOf(world.wal), { ...MANY.counts, d: 4 });
  },
);

importing(
  "a last line without a line break counts once, also when the break comes later",
  '{"counter":"a"}',
  async (world) => {
    for (const more of ["", "", "\n", '{"counter":"b"}']) {
      appendFileSync(world.file, more);
      // Without ids only the state has them.
      assert.is((await world.run([world.file, "--no-ids"])).status, 0);
    }
    assert.equal(await countsOf(world.wal), { a: 1, b: 1 });
  },
);

importing("a changed or shorter file is imported from its first line, with a message", MANY.text, async (world) => {
  await world.run();
  for (const text of [`{"counter":"z"}\n${MANY.text}`, '{"counter":"y"}\n']) {
    writeFileSync(world.file, text);
    const { status, stderr, summary } = await world.run();
    assert.is(status, 0);
    assert.match(stderr, /has changed since .*input\.imported was written: starting at its first line/);
    assert.is(summary.lines, text.split("\n").length - 1);
  }
  const counts = await countsOf(world.wal);
  assert.equal([counts["z"], counts["y"]], [1, 1]);
});

importing("a state file belongs to one log and one selection", MANY.text, async (world) => {
  await world.run();
  const elsewhere = await world.run([world.file, "--dir", `${world.wal}-2`]);
  assert.match(elsewhere.stderr, /belongs to an import into another log/);
  assert.is(elsewhere.summary.counted, TOTAL);
  assert.is(elsewhere.summary.replayed, 0);
  const otherwise = await world.run([world.file, "--prefix", "x", "--dir", `${world.wal}-2`]);
  assert.is(otherwise.status, 2);
  assert.match(otherwise.stderr, /belongs to an import with other options/);
  writeFileSync(`${world.file}.imported`, "my notes");
  const foreign = await world.run();
  assert.is(foreign.status, 2);
  assert.match(foreign.stderr, /is not a state file of an import/);
  assert.is(readFileSync(`${world.file}.imported`, "utf8"), "my notes");
});

const NOW = Date.now();
const BAD = [
  '{"counter":"a"}',
  "not JSON",
  '{"counter":"a","at":"2025-02-30T00:00:00Z"}',
  "",
  `{"counter":"a","at":${NOW + 3_600_000}}`,
  '{"counter":"\\u001b[31m"}',
  '{"counter":"a","colour":"\u202e"}',
  "x".repeat(70_000),
  '{"counter":"a","n":3,"at":"2025-01-01T00:00:00Z","id":"own","payload":{"k":1}}',
].join("\r\n");

importing("errors by line: the rest counts, whatever the line breaks", `\ufeff${BAD}`, async (world) => {
  const { status, stderr, summary } = await world.run([world.file, "--errors", `${world.file}.errors`]);
  assert.is(status, 1);
  assert.equal(summary.refused, { INVALID_BODY: 2, INVALID_AT: 2, INVALID_COUNTER: 1, BODY_TOO_LARGE: 1 });
  assert.equal([summary.lines, summary.counted, summary.skipped], [9, 2, { blank: 1 }]);
  const codes = [...stderr.matchAll(/^line (\d+): (\w+): ./gm)].map(([, line, code]) => `${line} ${code}`);
  const expected = [
    "2 INVALID_BODY",
    "3 INVALID_AT",
    "5 INVALID_AT",
    "6 INVALID_COUNTER",
    "7 INVALID_BODY",
    "8 BODY_TOO_LARGE",
  ];
  assert.equal(codes, expected);
  assert.not.match(stderr, /\u202e/, "characters that control a terminal are escaped");
  assert.is(readFileSync(`${world.file}.errors`, "utf8").split("\n").length, 7);
  const records = jsonLines<Record<string, unknown>>((await wal(world.wal, "cat")).stdout);
  assert.equal(records[1], {
    ...records[1],
    counter: "a",
    n: 3,
    id: "own",
    payload: { k: 1 },
    at: "2025-01-01T00:00:00.000Z",
  });
  assert.match(String(records[0]?.["id"]), /^[\w-]{20}$/);
});

importing("the first hundred errors are shown, all are counted and kept", "x\n".repeat(TOTAL), async (world) => {
  const { stderr, summary } = await world.run([world.file, "--format", "ndjson", "--errors", `${world.file}.errors`]);
  assert.equal(summary.refused, { INVALID_BODY: TOTAL });
  assert.is(stderr.match(/^line \d+:/gm)?.length, 100);
  assert.match(stderr, /more than 100 lines are refused/);
  assert.is(readFileSync(`${world.file}.errors`, "utf8").match(/^line \d+:/gm)?.length, TOTAL);
});

const ACCESS = [
  '192.0.2.1 - - [10/Oct/2025:13:55:36 +0000] "GET /a?x HTTP/1.1" 200 1 "-" "Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0"',
  '192.0.2.1 - - [10/Oct/2025:13:55:36 +0000] "GET /a HTTP/1.1" 200 1 "-" "Googlebot/2.1"',
  '192.0.2.1 - - [10/Oct/2025:13:55:36 +0000] "GET /a HTTP/1.1" 404 1 "-" "-"',
  '192.0.2.1 - - [10/Oct/2025:13:55:36 +0000] "HEAD /a HTTP/1.1" 200 1 "-" "-"',
  "what is this",
].join("\n");

importing(
  "an access log is recognized by its first line; bots count unless COUNT_BOTS=0",
  `\n${ACCESS}\n`,
  async (world) => {
    const { status, summary, stderr } = await world.run([world.file, "--prefix", "p"], {
      environment: { COUNT_BOTS: "0" },
    });
    assert.is(status, 1);
    assert.match(stderr, /^line 6: INVALID_LINE: /m);
    assert.equal(summary.skipped, { blank: 1, bot: 1, status: 1, method: 1 });
    assert.equal(await countsOf(world.wal), { "p/a": 1 });
    const bots = await world.run([world.file, "--state", `${world.file}.2`]);
    assert.is(bots.summary.counted, 2);
    assert.equal(await countsOf(world.wal), { "p/a": 1, "/a": 2 });
  },
);

importing("an option of access logs is refused for NDJSON", MANY.text, async (world) => {
  for (const format of [[], ["--format", "ndjson"]]) {
    const { status, stderr } = await world.run([world.file, "--all-statuses", ...format]);
    assert.is(status, 64);
    assert.match(stderr, /are for access logs/);
  }
});

importing(
  "more keys than there is room for: it stops at that line, and continues from there",
  MANY.text,
  async (world) => {
    const environment = { MAX_IDEMPOTENCY_KEYS: "5234" };
    const first = await world.run([world.file], { environment });
    assert.is(first.status, 2);
    assert.match(first.stderr, /stopped before line 5235: TOO_MANY_KEYS: .*--no-ids/);
    assert.equal([first.summary.counted, first.summary.lines, first.summary.finished], [5234, 5234, false]);
    // The keys are past the window: only the state has those lines.
    const second = await world.run([world.file], { environment: { ...environment, IDEMPOTENCY_WINDOW: "0s" } });
    assert.equal([second.summary.before, second.summary.counted, second.summary.replayed], [5234, TOTAL - 5234, 0]);
    assert.is(second.status, 0, second.stderr);
    assert.equal(await countsOf(world.wal), MANY.counts);
  },
);

importing("without ids any number fits", MANY.text, async (world) => {
  const { status } = await world.run([world.file, "--no-ids"], { environment: { MAX_IDEMPOTENCY_KEYS: "0" } });
  assert.is(status, 0);
  assert.equal(await countsOf(world.wal), MANY.counts);
});

importing("a line that only the collector refuses is reported by its number", MANY.text, async (world) => {
  const { status, summary, stderr } = await world.run([world.file], { environment: { MAX_COUNTERS: "2" } });
  assert.is(status, 1);
  assert.equal(summary.refused, { TOO_MANY_COUNTERS: 3000 });
  assert.match(stderr, /^line 3: TOO_MANY_COUNTERS: /m);
  assert.equal(await countsOf(world.wal), { a: 3001, b: 3000 });
});

importing("a state file that can't be written does not stop an import", MANY.text, async (world) => {
  mkdirSync(`${world.file}.dir`);
  const { status, stderr, summary } = await world.run([world.file, "--state", `${world.file}.dir/no/such/state`]);
  assert.is(status, 0);
  assert.match(stderr, /cannot write .*continuing/);
  assert.is(summary.counted, TOTAL);
});

importing("standard input that differs from the state's is not counted", MANY.text, async (world) => {
  const state = `${world.file}.state`;
  const pipe = (text: string) => world.run(["-", "--state", state], { stdin: [Buffer.from(text)] });
  assert.is((await pipe(MANY.text)).summary.counted, TOTAL);
  assert.equal((await pipe(`${MANY.text}{"counter":"d"}\n`)).summary.lines, 1);
  const other = await pipe('{"counter":"a"}\n');
  assert.is(other.status, 2);
  assert.match(other.stderr, /does not begin with the lines that .* records as imported/);
  assert.equal(await countsOf(world.wal), { ...MANY.counts, d: 1 });
});

importing(
  "a packed file that is cut short counts as far as it goes",
  gzipSync(MANY.text).subarray(0, -9),
  async (world) => {
    const { status, stderr, summary } = await world.run();
    assert.is(status, 2);
    assert.match(stderr, /cannot read .*the same command continues/);
    assert.not.ok(summary.finished);
    writeFileSync(world.file, gzipSync(MANY.text));
    assert.is((await world.run()).status, 0);
    assert.equal(await countsOf(world.wal), MANY.counts);
  },
);

importing("invalid arguments and inputs are refused", MANY.text, async (world) => {
  const refused: readonly (readonly [readonly string[], number, RegExp])[] = [
    [[], 64, /name one FILE/],
    [[world.file, "b"], 64, /name one FILE/],
    [[world.file, "--format", "xml"], 64, /--format xml: must be one of auto, ndjson, combined/],
    [[world.file, "--url", "ftp://x"], 64, /--url/],
    [[world.file, "--url", "http://x", "--dir", "y"], 64, /exclude each other/],
    [[world.file, "--wait", "-1"], 64, /--wait/],
    [[world.file, "--nope"], 64, /--nope/],
    [[`${world.file}.none`], 2, /cannot read/],
    [[path.dirname(world.file)], 2, /cannot read/],
    [[world.file, "--dir", world.file], 2, /./],
    [[world.file, "--errors", `${world.file}/x`], 2, /./],
  ];
  for (const [args, status, message] of refused) {
    const ran = await world.run(args);
    assert.is(ran.status, status, `${args.join(" ")}: ${ran.stderr}`);
    assert.match(ran.stderr, message);
    assert.is(ran.stderr.split("\n").length, 2, "one line");
  }
});

test.run();
