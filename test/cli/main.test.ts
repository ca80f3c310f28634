/** The program's own options, and the help of every command, as users run them. */
import { execFile } from "node:child_process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { allCommands } from "../../src/cli/completion/table.js";
import { program } from "../../src/cli/main.js";
import { readPackageJson } from "../../src/host/package-json.js";
import { BINARY } from "../support/server-process.js";
import { wal } from "./wal/harness.js";

interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(...args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(process.execPath, [BINARY, ...args], { env: { PATH: process.env["PATH"] } }, (error, stdout, stderr) => {
      resolve({ status: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}

test("--version is the one of package.json", async () => {
  assert.equal(await run("--version"), { status: 0, stdout: `${readPackageJson().version}\n`, stderr: "" });
});

test("--help of the program and of every command prints on stdout, with all options, and exits with 0", async () => {
  const commands = allCommands(await program());
  assert.is(commands.length, 18);
  for (const { path, line } of commands) {
    // A process for each command of the program; those of `wal` run in this one.
    const [command, name] = path;
    const { status, stdout, stderr } =
      command === "wal" && name !== undefined ? await wal(".", name, "--help") : await run(...path, "--help");
    assert.equal([status, stderr], [0, ""], path.join(" "));
    assert.match(stdout, new RegExp(`^usage: durable-hits ${path.join(" ")}`));
    const isDescribedByWal = path[0] === "wal";
    for (const name of Object.keys(line.options)) {
      // The help of a wal command leaves the options that all of them have to `wal --help`.
      if (isDescribedByWal && path.length > 1 && name === "help") continue;
      assert.ok(stdout.includes(`--${name}`), `${path.join(" ")}: --${name}`);
    }
    // Options in the usage line are written by hand: the table has them all.
    for (const [, name = ""] of (stdout.split("\n")[0] ?? "").matchAll(/--([a-z-]+)/g)) {
      assert.ok(line.options[name] !== undefined, `${path.join(" ")}: --${name}`);
    }
    for (const { name } of line.subcommands ?? []) assert.match(stdout, new RegExp(`^ {2}${name}\\b`, "m"));
  }
  for (const alias of ["help", "-h"]) assert.equal(await run(alias), await run("--help"));
});

test("anything else is refused with 64, and the usage or one line on stderr", async () => {
  for (const args of [[], ["nope"], ["--version", "x"]]) {
    const ran = await run(...args);
    assert.equal([ran.status, ran.stdout], [64, ""]);
    assert.match(ran.stderr, /^usage: durable-hits COMMAND\n/);
  }
  for (const args of [["serve", "x"], ["serve", "--nope"], ["completion"], ["completion", "tcsh"], ["doctor", "x"]]) {
    const ran = await run(...args);
    assert.equal([ran.status, ran.stdout], [64, ""], args.join(" "));
    assert.match(ran.stderr, new RegExp(`^${args[0]}: [^\n]+\n$`));
  }
});

test.run();
