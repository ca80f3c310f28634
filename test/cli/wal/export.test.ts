import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { countsOf, runImporting } from "../import/harness.js";
import { append, bulky, flipByte, inDirectory, openLog, rotatedLog, segments, wal } from "./harness.js";

const at = Date.UTC(2015, 4, 17, 10, 5, 3, 7);
const time = "2015-05-17T10:05:03.007Z";

/** A log with hits of every kind; its directory is `log` in `parent`. */
async function mixedLog(parent: string): Promise<string> {
  const directory = `${parent}/log`;
  mkdirSync(directory);
  const log = await openLog(directory);
  await append(log, [
    { counter: "home", n: 1, at },
    { counter: '=1+1,"é"\u202e', n: 5, at: at + 1000, id: "-k1", payload: '{"big":12345678901234567890,"c":"\u009b"}' },
    { counter: "/blog/a", n: 1, at: at + 2000, id: "k,2" },
    { counter: "/blog/b", n: 1_000_000_000, at: at + 3000, payload: "no JSON\n" },
    { counter: "home", n: 1 },
  ]);
  await log.close();
  return directory;
}

const lines = (text: string) => text.split("\n").slice(0, -1);

test("export: NDJSON, each field where it is there", async () => {
  await inDirectory(async (parent) => {
    const directory = await mixedLog(parent);
    const { status, stdout, stderr } = await wal(directory, "export");
    assert.is(`${status} ${stderr}`, "0 ");
    assert.equal(lines(stdout).slice(0, 4), [
      `{"counter":"home","at":"${time}"}`,
      '{"counter":"=1+1,\\"é\\"\\u202e","n":5,"at":"2015-05-17T10:05:04.007Z","id":"-k1","payload":{"big":12345678901234567890,"c":"\\u009b"}}',
      '{"counter":"/blog/a","at":"2015-05-17T10:05:05.007Z","id":"k,2"}',
      '{"counter":"/blog/b","n":1000000000,"at":"2015-05-17T10:05:06.007Z","payload":"no JSON\\n"}',
    ]);
    const last = JSON.parse(lines(stdout)[4] ?? "") as { at: string };
    assert.ok(Math.abs(Date.parse(last.at) - Date.now()) < 60_000);
    assert.not.match((await wal(directory, "export", "--no-ids")).stdout, '"id"');
  });
});

test("export: CSV as RFC 4180, and as spreadsheets don't run it", async () => {
  await inDirectory(async (parent) => {
    const directory = await mixedLog(parent);
    const csv = async (...args: string[]) => {
      const { status, stdout } = await wal(directory, "export", "--format", "csv", "--to", "4", ...args);
      assert.is(status, 0);
      return stdout.split("\r\n");
    };
    const payload = '"{""big"":12345678901234567890,""c"":""\\u009b""}"';
    const plain = [
      "offset,at,counter,n,id,payload",
      `0,${time},home,1,,`,
      `1,2015-05-17T10:05:04.007Z,"=1+1,""é""\u202e",5,-k1,${payload}`,
      '2,2015-05-17T10:05:05.007Z,/blog/a,1,"k,2",',
      '3,2015-05-17T10:05:06.007Z,/blog/b,1000000000,,"""no JSON\\n"""',
      "",
    ];
    assert.equal(await csv(), plain);
    const safe = [...plain];
    safe[2] = `1,2015-05-17T10:05:04.007Z,"'=1+1,""é""\u202e",5,'-k1,${payload}`;
    assert.equal(await csv("--excel-safe"), safe);
  });
});

test("export: by offset, time and counter", async () => {
  await inDirectory(async (parent) => {
    const directory = await mixedLog(parent);
    const offsets = async (...args: string[]) => {
      const { status, stdout } = await wal(directory, "export", "--format", "csv", ...args);
      assert.is(status, 0);
      return lines(stdout)
        .slice(1)
        .map((line) => Number(line.split(",")[0]));
    };
    assert.equal(await offsets(), [0, 1, 2, 3, 4]);
    assert.equal(await offsets("--from", "1", "--to", "3"), [1, 2]);
    assert.equal(await offsets("--since", "2015-05-17T10:05:04.007Z", "--until", "2015-05-17T10:05:06.007Z"), [1, 2]);
    assert.equal(await offsets("--until", "2015-05-18"), [0, 1, 2, 3]);
    assert.equal(await offsets("--since", "2015-05-18"), [4]);
    assert.equal(await offsets("--counter", "home"), [0, 4]);
    assert.equal(await offsets("--counter", "/blog/*", "--from", "3"), [3]);
    assert.equal(await offsets("--counter", '=1+1,"é"\u202e'), [1]);
    assert.equal(await offsets("--follow", "--to", "2"), [0, 1]);
    const wrong = [
      ["--format", "xml"],
      ["--since", "yesterday"],
      ["--until", "2015-02-30"],
      ["--since", "2016-01-01", "--until", "2015-01-01"],
      ["--excel-safe"],
      ["--force"],
      ["--output", ""],
    ];
    for (const args of wrong) {
      const { status, stdout, stderr } = await wal(directory, "export", ...args);
      assert.is(`${status} ${stdout}`, "64 ", args.join(" "));
      assert.match(stderr, /^wal: --[^\n]+\n$/);
    }
  });
});

test("export: import takes it back, and an empty log then has the same counts", async () => {
  await inDirectory(async (parent) => {
    const directory = `${parent}/log`;
    mkdirSync(directory);
    const log = await openLog(directory);
    for (let batch = 0; batch < 8; batch++) {
      await append(log, [
        ...bulky("é\u202e", 20),
        { counter: "a", n: 7, at: at + batch, id: `k"${batch}` },
        { counter: "b", n: 1, payload: '{"__proto__":1,"x":[1.5,"\u2028"]}' },
      ]);
    }
    await log.close();
    const file = `${parent}/hits.ndjson`;
    const { status, stdout, stderr } = await wal(directory, "export", "-o", file);
    assert.is(`${status} ${stdout}${stderr}`, `0 176 hits in ${file}\n`);
    const other = `${parent}/other`;
    const { summary } = await runImporting([file, "--dir", other], {});
    assert.is(`${summary.finished} ${summary.counted} ${JSON.stringify(summary.refused)}`, "true 176 {}");
    assert.equal(await countsOf(other), await countsOf(directory));
    // Apart from the ids that import gives, the hits themselves are the same.
    assert.is((await wal(other, "export", "--no-ids")).stdout, (await wal(directory, "export", "--no-ids")).stdout);
  });
});

test("export: an id that came again after its window counts again in an import without ids", async () => {
  await inDirectory(async (parent) => {
    const directory = `${parent}/log`;
    mkdirSync(directory);
    const log = await openLog(directory);
    await append(log, [{ counter: "a", n: 1, id: "k" }]);
    await append(log, [{ counter: "a", n: 1, id: "k" }]);
    await log.close();
    const countOf = async (...args: string[]) => {
      const [file, other] = [`${parent}/hits${args.length}`, `${parent}/other${args.length}`];
      assert.is((await wal(directory, "export", "-o", file, ...args)).status, 0);
      assert.is((await runImporting([file, "--dir", other], {})).summary.finished, true);
      return (await countsOf(other))["a"];
    };
    assert.is(await countOf("--no-ids"), 2);
    assert.is(await countOf(), 1);
  });
});

test("export: damage is reported and in the exit status, and the hits after it follow", async () => {
  await inDirectory(async (parent) => {
    const directory = `${parent}/log`;
    mkdirSync(directory);
    await rotatedLog(directory);
    flipByte(segments(directory)[0], 30_000);
    const { status, stdout, stderr } = await wal(directory, "export");
    assert.is(status, 1);
    assert.equal(stderr.match(/^damage: .*$/gm)?.length, 1);
    assert.match(stderr, "offsets 20 to 40");
    assert.is(lines(stdout).length, 380);
    const file = await wal(directory, "export", "-o", `${parent}/out`);
    assert.is(file.status, 1);
    assert.match(file.stdout, "damage in 1 place may have cost others");
    assert.is(lines(readFileSync(`${parent}/out`, "utf8")).length, 380);
  });
});

test("export: what retention has removed is reported", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    rmSync(segments(directory)[0] ?? "");
    const rest = await wal(directory, "export");
    assert.is(rest.status, 0);
    assert.match(rest.stderr, /^note: this log begins at offset [1-9]\d*: /);
    const before = await wal(directory, "export", "--from", "3");
    assert.is(`${before.status} ${before.stdout}`, "1 ");
    assert.match(before.stderr, "offset 3 is no longer in");
  });
});

test.run();
