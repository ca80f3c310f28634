/**
 * `npm run mutants`: breaks one line of the source at a time and expects the tests to notice. The mutants are in
 * mutant-list.ts, two at least for each promise of docs/reliability.md. Each runs in a copy of the project, with those test
 * files that should catch it, the quick ones first; one that survives there is tried on the whole suite.
 *
 * `npm run mutants -- WORD…` picks those whose name has one of the words; `--markdown` prints the table of
 * docs/reliability.md. Exit status 1 where one survived.
 */
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type Mutant, mutants } from "./mutant-list.js";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..");
const LEFT_OUT = new Set(["node_modules", "dist", ".git", "results"]);

interface Outcome {
  readonly caughtBy: readonly string[];
  readonly seconds: number;
}

/** A copy of the project to break things in; gone when the process ends. */
function copyProject(): string {
  const copy = mkdtempSync(path.join(tmpdir(), "durable-hits-mutants-"));
  process.on("exit", () => rmSync(copy, { recursive: true, force: true }));
  cpSync(root, copy, { recursive: true, filter: (file) => !LEFT_OUT.has(path.basename(file)) });
  symlinkSync(path.join(root, "node_modules"), path.join(copy, "node_modules"), "dir");
  // What a broken line leaves unused is no reason not to build it.
  const config = path.join(copy, "tsconfig.json");
  writeFileSync(config, readFileSync(config, "utf8").replace(/("noUnused\w+"): true/g, "$1: false"));
  return copy;
}

function runTests(copy: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["--import", "tsx", path.join("test", "run.ts"), ...args], { cwd: copy });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    child.on("close", (status) => resolve(status === 0 ? "" : output));
  });
}

async function tryMutant(copy: string, { file, find, put, tests }: Mutant): Promise<Outcome> {
  const started = performance.now();
  const target = path.join(copy, file);
  const source = readFileSync(target, "utf8");
  writeFileSync(
    target,
    source.replace(find, () => put),
  );
  try {
    let caughtBy: string[] = [];
    // The quick ones of the named files, all of them, then every file: what only a slow one notices has that in its name.
    for (const args of [["--quick", ...tests], ["--all", ...tests], ["--all"]]) {
      const output = await runTests(copy, args);
      const failed = [...output.matchAll(/^FAIL (\S+\.test\.ts)/gm)].map(([, name]) => name ?? "");
      // The list's own test misses the line that is broken now: that it fails means nothing.
      caughtBy = failed.filter((name) => !name.startsWith("mutants/"));
      if (output !== "" && failed.length === 0) throw new Error(`no test ran:\n${output}`);
      if (caughtBy.length > 0) break;
    }
    return { caughtBy, seconds: (performance.now() - started) / 1000 };
  } finally {
    writeFileSync(target, source);
  }
}

const words = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const asMarkdown = process.argv.includes("--markdown");
const chosen = mutants.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
if (chosen.length === 0) throw new Error(`no mutant has ${words.join(" or ")} in its name`);
const copy = copyProject();
let survived = 0;
if (asMarkdown) console.log("| invariant | broken | caught by |\n| --- | --- | --- |");
for (const mutant of chosen) {
  const { caughtBy, seconds } = await tryMutant(copy, mutant);
  if (caughtBy.length === 0) survived++;
  const by = caughtBy.length === 0 ? "NOTHING" : caughtBy.join(", ");
  if (asMarkdown) console.log(`| ${mutant.invariant} | ${mutant.name} | ${by} |`);
  else
    console.log(
      `${caughtBy.length === 0 ? "SURVIVED" : "caught  "} ${mutant.invariant}: ${mutant.name}  (${by})  ${seconds.toFixed(0)} s`,
    );
}
console.log(`${asMarkdown ? "\n" : ""}${chosen.length - survived} caught, ${survived} survived`);
if (survived > 0) process.exitCode = 1;
