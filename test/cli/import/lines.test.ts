import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Line, LineSplitter, MAX_LINE_BYTES } from "../../../src/cli/import/lines.js";

interface Seen {
  readonly text: string | undefined;
  readonly id: string;
  readonly number: number;
  readonly end: number;
  readonly isTerminated: boolean;
}

function seen({ bytes, after, isTerminated }: Line): Seen {
  return { text: bytes?.toString(), id: after.digest, number: after.lines, end: after.bytes, isTerminated };
}

/** Splits an input that arrives in pieces of this many bytes. */
function split(input: string | Buffer, piece = 1_000_000): Seen[] {
  const splitter = new LineSplitter();
  const bytes = Buffer.from(input);
  const lines: Seen[] = [];
  for (let at = 0; at < bytes.length; at += piece) {
    for (const line of splitter.push(bytes.subarray(at, at + piece))) lines.push(seen(line));
  }
  const last = splitter.end();
  return last === undefined ? lines : [...lines, seen(last)];
}

const ids = (lines: readonly Seen[]) => lines.map(({ id }) => id);

test("lines, their numbers and positions; the last one may have no line break", () => {
  const lines = split("a\n\nbc\r\nd");
  assert.equal(
    lines.map(({ text, number, end, isTerminated }) => [text, number, end, isTerminated]),
    [
      ["a", 1, 2, true],
      ["", 2, 3, true],
      ["bc", 3, 7, true],
      ["d", 4, 8, false],
    ],
  );
  assert.equal(split(""), []);
});

test("an id for each line: the same in every release, and all different", () => {
  const lines = split("same\nsame\nsame\n");
  assert.is(new Set(ids(lines)).size, 3);
  for (const id of ids(lines)) assert.match(id, /^[\w-]{20}$/);
  // Lines that one release imported must have the same ids in the next.
  assert.is(ids(lines)[0], "CIU-4Ck7zP5YRAExLhjq");
});

test("ids do not depend on the pieces of the input, its growth, and line breaks", () => {
  const text = "\ufeffeins\nzwei ä\n\ndrei\n";
  const whole = ids(split(text));
  for (const piece of [1, 2, 3, 7]) assert.equal(ids(split(text, piece)), whole, `pieces of ${piece}`);
  assert.equal(ids(split(`${text}vier\n`)).slice(0, 4), whole);
  assert.equal(ids(split(text.replaceAll("\n", "\r\n"))), whole);
  assert.equal(ids(split(text.slice(1))), whole, "without the byte order mark");
  assert.equal(ids(split(text.trimEnd())), whole, "without the last line break");
  assert.is(split(text)[0]?.text, "eins");
});

test("a line that differs changes the ids of all later ones", () => {
  const [before, after] = [ids(split("a\nb\nc\nd\n")), ids(split("a\nB\nc\nd\n"))];
  assert.equal(
    before.map((id, index) => id === after[index]),
    [true, false, false, false],
  );
});

test("a line over the bound is reported by its number, and later ones are read", () => {
  const long = "x".repeat(MAX_LINE_BYTES);
  const text = `a\n${long}\n${long}y\nz\n`;
  const lines = split(text);
  assert.equal(
    lines.map((line) => line.text?.length),
    [1, MAX_LINE_BYTES, undefined, 1],
  );
  assert.is(lines[3]?.end, text.length);
  for (const piece of [1000, 65_536, 65_537]) assert.equal(split(text, piece), lines, `pieces of ${piece}`);
  // By its end only.
  assert.is.not(split(`${long}yy\n`)[0]?.id, split(`${long}yz\n`)[0]?.id);
});

test.run();
