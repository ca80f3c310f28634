/** The completion scripts, in the shells that this machine has. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bashScript } from "../../../src/cli/completion/bash.js";
import { fishScript } from "../../../src/cli/completion/fish.js";
import { allCommands, spellings } from "../../../src/cli/completion/table.js";
import { zshScript } from "../../../src/cli/completion/zsh.js";
import { program } from "../../../src/cli/main.js";
import { BINARY, temporaryDirectory } from "../../support/server-process.js";

/** A test that needs a shell; skipped with a line on the console without it. */
function inShell(shell: string): typeof test | typeof test.skip {
  const isThere = spawnSync(shell, ["-c", "exit"]).status === 0;
  if (!isThere) console.log(`SKIP completion in ${shell}: it is not on the PATH`);
  return isThere ? test : test.skip;
}
const [bash, zsh, fish] = [inShell("bash"), inShell("zsh"), inShell("fish")];

/** Runs a shell, which must report nothing on standard error; returns the lines that it prints. */
function runShell(shell: string, args: readonly string[], cwd: string): string[] {
  const ran = spawnSync(shell, args, { encoding: "utf8", cwd, timeout: 30_000 });
  assert.equal([ran.status, ran.stderr], [0, ""]);
  return ran.stdout.split("\n").filter((line) => line !== "");
}

/** Makes a directory with a script, and with files and directories to complete. */
function workspace(script: string): string {
  const directory = temporaryDirectory();
  writeFileSync(path.join(directory, "script"), `${script}\n`);
  mkdirSync(path.join(directory, "logs at home"));
  writeFileSync(path.join(directory, "log.txt"), "");
  return directory;
}

/** Returns the replies of bash to Tab after these words. */
function bashReplies(directory: string, ...words: readonly string[]): string[] {
  const code = `source ./script
COMP_WORDS=(durable-hits "$@") COMP_CWORD=$# COMPREPLY=()
_durable_hits
printf '%s\\n' "\${COMPREPLY[@]}"`;
  return runShell("bash", ["--norc", "--noprofile", "-c", code, "bash", ...words], directory);
}

bash("bash: every command, subcommand and option is completed", async () => {
  const tree = await program();
  const directory = workspace(bashScript(tree));
  const registered = runShell("bash", ["--norc", "-c", "source ./script; complete -p durable-hits"], directory);
  assert.equal(registered, ["complete -F _durable_hits durable-hits"]);
  for (const { path: words, line } of allCommands(tree)) {
    const options = Object.entries(line.options).flatMap(([name, option]) => spellings(name, option));
    assert.equal(bashReplies(directory, ...words, "-").sort(), options.sort(), words.join(" "));
    if (line.subcommands === undefined) continue;
    const names = line.subcommands.map(({ name }) => name);
    assert.equal(bashReplies(directory, ...words, ""), names);
  }
});

bash("bash: values, paths, and commands after options", async () => {
  const directory = workspace(bashScript(await program()));
  const replies = (...words: readonly string[]) => bashReplies(directory, ...words);
  assert.equal(replies("wal", "export", "--format", ""), ["ndjson", "csv"]);
  assert.equal(replies("import", "--format", "=", "co"), ["combined"]);
  assert.equal(replies("import", "--format", "="), ["auto", "ndjson", "combined"]);
  assert.equal(replies("wal", "ls", "--dir", "l"), ["logs at home"]);
  assert.equal(replies("wal", "export", "-o", "l").sort(), ["log.txt", "logs at home"]);
  assert.equal(replies("import", "l").sort(), ["log.txt", "logs at home"]);
  assert.equal(replies("wal", "fork", "l"), ["logs at home"]);
  assert.equal(replies("wal", "--dir", "ls", "ver"), ["verify"], "a directory of a command's name");
  assert.equal(replies("wal", "--dir", "=", "ls", "ver"), ["verify"]);
  assert.equal(replies("wal", "cat", "--from", ""), []);
  assert.equal(replies("completion", ""), ["bash", "zsh", "fish"]);
  assert.equal(replies("doctor", "--tor"), ["--torture"]);
});

zsh("zsh: the script is valid", async () => {
  const directory = workspace(zshScript(await program()));
  assert.equal(runShell("zsh", ["-f", "-n", "script"], directory), []);
});

fish("fish: the script is valid, and completes every command and option", async () => {
  const tree = await program();
  const directory = workspace(fishScript(tree));
  const replies = (line: string) =>
    runShell("fish", ["--no-config", "-c", `source script; complete -C "$argv"`, line], directory).map(
      (reply) => reply.split("\t")[0],
    );
  for (const { path: words, line } of allCommands(tree)) {
    const before = ["durable-hits", ...words, ""].join(" ");
    const options = Object.keys(line.options).map((name) => `--${name}`);
    assert.equal(replies(`${before}--`).sort(), options.sort(), before);
    const names = line.subcommands?.map(({ name }) => name) ?? [];
    if (names.length > 0) assert.equal(replies(before).sort(), names.sort());
  }
  assert.equal(replies("durable-hits import --format "), ["auto", "combined", "ndjson"]);
  assert.equal(replies("durable-hits wal ls --dir l"), ["logs at home/"]);
});

test("every command, option and choice is in each script, also without its shell", async () => {
  const tree = await program();
  for (const script of [bashScript(tree), zshScript(tree), fishScript(tree)]) {
    for (const { path: words, line } of allCommands(tree)) {
      for (const word of words) assert.ok(script.includes(word), word);
      for (const [name, { choices = [] }] of Object.entries(line.options)) {
        assert.match(script, new RegExp(`(--|-l )${name}\\b`));
        for (const word of choices) assert.ok(script.includes(word), word);
      }
    }
  }
});

test("the command prints the scripts", async () => {
  const tree = await program();
  for (const [shell, script] of Object.entries({ bash: bashScript, zsh: zshScript, fish: fishScript })) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [BINARY, "completion", shell], { encoding: "utf8" });
    assert.equal([status, stdout, stderr], [0, `${script(tree)}\n`, ""]);
  }
});

test.run();
