import { test } from "uvu";
import * as assert from "uvu/assert";
import { copyToQuarantine, moveToQuarantine } from "../../src/wal/quarantine.js";
import { DIRECTORY, directoryOn } from "../support/log-files.js";
import { MemoryFileSystem } from "../support/memory-file-system.js";
import { systemError } from "../support/memory-handle.js";

const WHEN = "2026-01-15T12:00:00.000Z";
const FOLDER = `${DIRECTORY}/quarantine`;

async function withFile(bytes: number): Promise<{ fs: MemoryFileSystem; content: Buffer }> {
  const fs = new MemoryFileSystem({ durableWrites: true });
  await fs.makeDirectory(DIRECTORY);
  await fs.syncDirectory("/");
  const content = Buffer.from(Array.from({ length: bytes }, (_, at) => at % 251));
  fs.put(`${DIRECTORY}/file`, content);
  return { fs, content };
}

const what = (from: number, to: number) => {
  return { file: "file", bytes: { from, to }, offsets: { from: 3, to: 9 }, why: "a test", when: WHEN };
};

test("exactly these bytes, and beside them what they are; again: the same files", async () => {
  const { fs, content } = await withFile(2_500_000);
  const kept = await copyToQuarantine(directoryOn(fs), what(100, 2_400_000));
  assert.equal(fs.content(`${DIRECTORY}/${kept}`), content.subarray(100, 2_400_000));
  const names = fs.names(FOLDER);
  assert.is(names.length, 2);
  const note = JSON.parse(fs.content(`${FOLDER}/${names[1]}`).toString());
  assert.equal(
    [note.file, note.bytes, note.offsets, note.why, note.when],
    ["file", { from: 100, to: 2_400_000 }, { from: 3, to: 9 }, "a test", WHEN],
  );
  assert.is(await copyToQuarantine(directoryOn(fs), what(100, 2_400_000)), kept);
  assert.equal(fs.names(FOLDER), names);
  assert.is(await copyToQuarantine(directoryOn(fs), what(50, 50)), undefined);
});

test("a file is removed only once its copy is durable; a failure before that leaves it in place", async () => {
  for (let nth = 1, met = true; met; nth++) {
    const { fs, content } = await withFile(3000);
    met = false;
    const interfere = () => {
      met = true;
      return { error: systemError("EIO") };
    };
    let seen = 0;
    fs.interfere(({ kind }) =>
      ["write", "sync", "rename", "syncDirectory"].includes(kind) && ++seen === nth ? interfere() : undefined,
    );
    await moveToQuarantine(directoryOn(fs), { file: "file", why: "a test", when: WHEN }).catch(() => undefined);
    for (const crash of ["lost", "kept"] as const) {
      const disk = fs.crash(crash);
      const kept = disk.names(FOLDER).filter((name) => name.endsWith(".bytes"));
      const there = disk.names(DIRECTORY).includes("file")
        ? [`${DIRECTORY}/file`]
        : kept.map((name) => `${FOLDER}/${name}`);
      assert.equal(
        there.map((file) => disk.content(file).equals(content)),
        [true],
        `failure ${nth}, ${crash}`,
      );
    }
  }
});

test.run();
