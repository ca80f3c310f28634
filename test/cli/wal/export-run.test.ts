import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { runWalCommand } from "../../../src/cli/wal/wal-command.js";
import { append, bulky, ended, inDirectory, openLog, rotatedLog, segments, startWal, until, wal } from "./harness.js";

const lines = (text: string) => text.split("\n").slice(0, -1);

test("export: a file is there whole, and is replaced only where that is asked for", async () => {
  await inDirectory(async (parent) => {
    const directory = `${parent}/log`;
    mkdirSync(directory);
    await rotatedLog(directory);
    const file = `${parent}/out.csv`;
    writeFileSync(file, "before");
    const kept = await wal(directory, "export", "--output", file);
    assert.is(kept.status, 64);
    assert.match(kept.stderr, "--force replaces it");
    assert.is(readFileSync(file, "utf8"), "before");
    symlinkSync(file, `${parent}/link`);
    const args = ["export", "--format", "csv", "--force", "--json", "--output"];
    const { status, stdout } = await wal(directory, ...args, `${parent}/link`);
    assert.is(status, 0);
    const summary = { file: `${parent}/link`, format: "csv", hits: 400, damage: 0, interrupted: false };
    assert.equal(JSON.parse(stdout), summary);
    assert.is(readFileSync(file, "utf8"), (await wal(directory, "export", "--format", "csv")).stdout);
    for (const wrong of [segments(directory)[0] ?? "", `${directory}/new`, `${parent}/none/x`, parent, "/dev/null"]) {
      assert.is((await wal(directory, ...args, wrong)).status, 64, wrong);
    }
    assert.is((await wal(directory, "export", "--from", "0", "--output", `${parent}/o`, "--dir", parent)).status, 64);
    const gone = await wal(`${parent}/nowhere`, "export", "--output", `${parent}/never`);
    assert.is(gone.status, 1);
    assert.equal(readdirSync(parent).sort(), ["link", "log", "out.csv"]);
    assert.is(readdirSync(directory).length, segments(directory).length);
  });
});

class FakeTerminal extends Writable {
  readonly isTTY = true;
  readonly columns = 100;
  text = "";
  onWrite: (() => void) | undefined;

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString("utf8");
    this.onWrite?.();
    done();
  }
}

class Sink extends FakeTerminal {
  override readonly isTTY = false as true;
}

test("export: a bar on a terminal that shows nothing else", async () => {
  await inDirectory(async (parent) => {
    const directory = `${parent}/log`;
    mkdirSync(directory);
    await rotatedLog(directory);
    const barOf = async (stdout: Writable, ...args: string[]) => {
      const stderr = new FakeTerminal();
      assert.is(await runWalCommand(["export", ...args], { WAL_DIR: directory }, { stdout, stderr }), 0);
      return stderr.text;
    };
    assert.match(await barOf(new Sink()), "lines/s");
    assert.match(await barOf(new FakeTerminal(), "-o", `${parent}/out`), "lines/s");
    assert.is(await barOf(new FakeTerminal()), "");
    assert.is((await wal(directory, "export")).stderr, "");
  });
});

test("export: Ctrl-C before the end leaves no file", async () => {
  await inDirectory(async (parent) => {
    const directory = `${parent}/log`;
    mkdirSync(directory);
    await rotatedLog(directory);
    const run = async (args: string[]) => {
      const controller = new AbortController();
      const [stdout, stderr] = [new Sink(), new Sink()];
      stdout.onWrite = () => controller.abort();
      if (args.length > 0) controller.abort();
      const terminal = { stdout, stderr, interruption: controller.signal };
      const status = await runWalCommand(["export", ...args], { WAL_DIR: directory }, terminal);
      return { status, stdout: stdout.text, stderr: stderr.text };
    };
    const file = await run(["-o", `${parent}/out`]);
    assert.is(`${file.status} ${file.stdout}`, "1 ");
    assert.match(file.stderr, /interrupted: \S+ was not written/);
    assert.equal(readdirSync(parent), ["log"]);
    const cut = await run([]);
    assert.is(cut.status, 1);
    assert.ok(cut.stdout.endsWith("\n") && lines(cut.stdout).length < 400);
  });
});

test("export --follow into a file: a real process, over restarts of the log, until Ctrl-C", async () => {
  await inDirectory(async (parent) => {
    const directory = `${parent}/log`;
    const file = `${parent}/grows.ndjson`;
    const child = startWal(directory, ["export", "--follow", "--output", file, "--format", "csv"]);
    const end = ended(child);
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    await until(() => stderr.includes("waiting for one"), "the command to wait");
    const written: number[] = [];
    const offsets = () =>
      lines(readFileSync(file, "utf8"))
        .slice(1)
        .map((line) => Number(line.split(",")[0]));
    for (let opening = 0; opening < 2; opening++) {
      const log = await openLog(directory);
      for (let batch = 0; batch < 10; batch++) {
        const first = await append(log, bulky("a", 30));
        for (let offset = first; offset < first + 30; offset++) written.push(offset);
      }
      await until(() => offsets().length === written.length, `${written.length} hits`);
      await log.close();
    }
    child.kill("SIGINT");
    const { status, stdout } = await end;
    assert.is(`${status} ${stdout}`, `0 600 hits in ${file}\n`);
    assert.equal(offsets(), written);
  });
});

test("export: the reader exits: a real process ends quietly", async () => {
  await inDirectory(async (directory) => {
    const log = await openLog(directory, 8 * 1024 * 1024);
    for (let batch = 0; batch < 5; batch++) await append(log, bulky("a", 1000));
    await log.close();
    const child = startWal(directory, ["export"]);
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const status = new Promise((resolve) => child.on("close", resolve));
    const reader = createInterface(child.stdout);
    const first = await new Promise<string>((resolve) => reader.once("line", resolve));
    assert.match(first, /^\{"counter":"a",/);
    reader.close();
    child.stdout.destroy();
    assert.is(await status, 0);
    assert.is(stderr, "");
  });
});

test.run();
