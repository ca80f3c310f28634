/** Everything that the documents point to exists: linked files and headings, named tests, settings. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mutants } from "../mutants/mutant-list.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const FOLDERS = [".", "bench", "deploy", "docs", "test/data", "wal"];
const documents = FOLDERS.flatMap((folder) =>
  readdirSync(path.join(root, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => path.join(folder, name)),
);

function textOf(file: string): string {
  return readFileSync(path.join(root, file), "utf8");
}

/** All files of a folder, with its name in front. */
function filesIn(folder: string): string[] {
  const names = readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" });
  return names.map((name) => `${folder}/${name.replaceAll("\\", "/")}`);
}

/** Anchors of a document's headings, as GitHub makes them. */
function anchorsOf(file: string): string[] {
  return [...textOf(file).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

test("every relative link leads to a file, and to a heading in it", () => {
  let links = 0;
  const broken: string[] = [];
  for (const document of documents) {
    for (const [, target = ""] of textOf(document).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      links++;
      const [file = "", anchor] = target.split("#");
      const linked = file === "" ? document : path.join(path.dirname(document), file);
      const leads = existsSync(path.join(root, linked)) && (anchor === undefined || anchorsOf(linked).includes(anchor));
      if (!leads) broken.push(`${document}: ${target}`);
    }
  }
  assert.equal(broken, []);
  assert.ok(links >= 40, `${links} links were found`);
});

test("docs/settings.md has every setting of the program, and no other", () => {
  const inProgram = [...textOf("src/config.ts").matchAll(/environment, "([A-Z_]+)"/g)].map(([, name]) => name);
  const firstCells = [...textOf("docs/settings.md").matchAll(/^\| (`[A-Z].*?) \|/gm)].map(([, cell]) => cell);
  const documented = [...firstCells.join().matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name);
  assert.equal([...documented].sort(), [...new Set(inProgram)].sort());
});

test("every source that a document names is there", () => {
  const sources = ["bench", "src", "test"].flatMap(filesIn);
  const leads = (name: string) =>
    existsSync(path.join(root, name)) || sources.some((file) => file.endsWith(`/${name}`));
  const missing = documents.flatMap((document) =>
    [...textOf(document).matchAll(/`((?:src|test)\/[\w./-]+|[\w-]+\.ts)`/g)]
      .filter(([, name = ""]) => !leads(name))
      .map(([, name]) => `${document}: ${name}`),
  );
  assert.equal(missing, []);
});

test("every test that docs/reliability.md names is there", () => {
  const tests = filesIn("test")
    .filter((file) => file.endsWith(".test.ts"))
    .map((file) => file.slice("test/".length));
  const lastCells = [...textOf("docs/reliability.md").matchAll(/^\| \d+ \|.*\| (.+) \|$/gm)].map(([, cell]) => cell);
  const named = [...lastCells.join().matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
  assert.ok(named.length >= 80, `${named.length} names`);
  assert.equal(
    named.filter((name) => !tests.some((file) => file.startsWith(name.replace(/\*$/, "")))),
    [],
  );
});

test("messages that docs/repair.md quotes are those of the program", () => {
  // Texts that are written over several lines are one message.
  const program = filesIn("src")
    .filter((file) => file.endsWith(".ts"))
    .map((file) => textOf(file).replaceAll(/["'`] \+\s*["'`]/g, ""))
    .join("\n");
  const section = textOf("docs/repair.md").split("## What it cannot repair")[1]?.split("\n## ")[0] ?? "";
  const quoted = [...section.matchAll(/^- \*\*(.+?)\*\*/gm)].flatMap(([, bold = ""]) =>
    [...bold.matchAll(/`([^`]+)`/g)].flatMap(([, text = ""]) => text.split("…").map((part) => part.trim())),
  );
  assert.ok(quoted.length >= 6, quoted.join());
  assert.equal(
    quoted.filter((text) => !program.includes(text)),
    [],
  );
});

test("docs/reliability.md lists every mutant", () => {
  const listed = [...textOf("docs/reliability.md").matchAll(/^\| (\d+) \| (.+) \| `[^|]*\|$/gm)].map(
    ([, invariant, name]) => `${invariant}: ${name}`,
  );
  assert.equal(
    mutants.map(({ invariant, name }) => `${invariant}: ${name}`).filter((one) => !listed.includes(one)),
    [],
  );
});

test.run();
