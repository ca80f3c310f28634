import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mutants } from "./mutant-list.js";

const INVARIANTS = 12;

test("every mutant still finds its line, once", () => {
  for (const { name, file, find, put } of mutants) {
    const source = readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");
    assert.is(source.split(find).length - 1, 1, `${name}: how often ${file} has the text`);
    assert.is.not(put, find, name);
  }
});

test("every invariant has two mutants at least, each with a name of its own", () => {
  for (let invariant = 1; invariant <= INVARIANTS; invariant++) {
    const own = mutants.filter((mutant) => mutant.invariant === invariant);
    assert.ok(own.length >= 2, `invariant ${invariant} has ${own.length}`);
  }
  assert.is(new Set(mutants.map(({ name }) => name)).size, mutants.length);
});

test.run();
