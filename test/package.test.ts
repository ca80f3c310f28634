import { execFile, spawn } from "node:child_process";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { temporaryDirectory } from "./support/server-process.js";

const run = promisify(execFile);
const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
/** Not by npx: within another npx, which chooses the Node.js, it would look for that one's package. */
const tool = (name: string) => path.join(root, "node_modules", ".bin", name);
const INSTALL_MS = 120_000;
const NO_NETWORK = /ENOTFOUND|EAI_AGAIN|ENOTCACHED|ECONNREFUSED|ETIMEDOUT|network/;

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** Packs what `npm publish` would send into a new directory; the build must exist. */
async function pack(): Promise<{ tarball: string; files: readonly string[] }> {
  const directory = temporaryDirectory();
  const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", directory];
  const { stdout } = await run("npm", args, { cwd: root });
  const [packed] = JSON.parse(stdout) as readonly Packed[];
  assert.ok(packed);
  return { tarball: path.join(directory, packed.filename), files: packed.files.map((file) => file.path) };
}

test("the package has what runs and what explains it, and nothing else", async () => {
  const { files } = await pack();
  const others = files.filter(
    (file) => !/^(dist\/.+\.(js|css|html|json)|docs\/.+|deploy\/.+|[A-Z]+(\.md)?|package\.json)$/.test(file),
  );
  assert.equal(others, []);
  for (const needed of ["dist/bin.js", "dist/http/page/assets/page.css", "README.md", "LICENSE", "CHANGELOG.md"]) {
    assert.ok(files.includes(needed), needed);
  }
});

test("no secret is packed, wherever the compose file or an old copy of it had it", async () => {
  const copy = temporaryDirectory();
  for (const name of ["package.json", ".gitignore", "deploy", "docs", "README.md", "LICENSE"]) {
    cpSync(path.join(root, name), path.join(copy, name), { recursive: true });
  }
  for (const folder of ["dist", "secrets"]) mkdirSync(path.join(copy, folder));
  writeFileSync(path.join(copy, "dist", "bin.js"), "");
  const secrets = [
    "secrets/admin-token",
    "deploy/admin-token",
    "deploy/mongodb-url",
    "deploy/durable-hits.env",
    "admin-token",
    ".env",
  ];
  for (const secret of secrets) writeFileSync(path.join(copy, secret), "s3cret-token");
  const args = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const { stdout } = await run("npm", args, { cwd: copy });
  const files = (JSON.parse(stdout) as readonly Packed[])[0]?.files.map((file) => file.path) ?? [];
  assert.ok(files.includes("dist/bin.js") && files.includes("deploy/compose.yaml"), files.join());
  assert.equal(
    files.filter((file) => secrets.includes(file)),
    [],
  );
});

test("publint and are-the-types-wrong find nothing in it", async () => {
  await run(tool("publint"), ["--strict"], { cwd: root });
  const { tarball } = await pack();
  // It is a program: it promises no types, and must not seem to.
  const { stdout } = await run(tool("attw"), [tarball, "--format", "json"], { cwd: root });
  assert.is((JSON.parse(stdout) as { analysis: { types: unknown } }).analysis.types, false);
});

test("installed into an empty folder, it serves, counts, and looks into its log", async () => {
  const { tarball } = await pack();
  const home = temporaryDirectory();
  mkdirSync(path.join(home, "app"));
  const cwd = path.join(home, "app");
  writeFileSync(path.join(cwd, "package.json"), '{"private":true}');
  try {
    const args = ["install", "--prefer-offline", "--no-audit", "--no-fund", tarball];
    await run("npm", args, { cwd, timeout: INSTALL_MS });
  } catch (error) {
    if (!NO_NETWORK.test(String(error))) throw error;
    console.log("SKIP the package could not be installed into an empty folder: there is no network");
    return;
  }
  const environment = { ...process.env, PORT: "0", WAL_DIR: path.join(home, "wal"), WAL_SEGMENT_BYTES: "1MiB" };
  const bin = path.join(cwd, "node_modules", ".bin", "durable-hits");
  const server = spawn(bin, ["serve"], { cwd, env: environment, stdio: ["ignore", "pipe", "ignore"] });
  const ended = new Promise((resolve) => server.on("exit", resolve));
  try {
    const url = await new Promise<string>((resolve, reject) => {
      let output = "";
      server.stdout.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        const ready = /^listening on (http:\S+)$/m.exec(output)?.[1];
        if (ready !== undefined) resolve(ready);
      });
      server.on("exit", () => reject(new Error(`the server ended: ${output}`)));
    });
    assert.is((await fetch(`${url}/hits/home`, { method: "POST" })).status, 202);
    for (const page of ["/", "/dashboard", "/embed", "/openapi.json"]) {
      assert.is((await fetch(url + page)).status, 200, page);
    }
    const { stdout } = await run(bin, ["wal", "counts", "--json"], { cwd, env: environment });
    assert.match(stdout, /"home"/);
  } finally {
    server.kill("SIGTERM");
  }
  assert.is(await ended, 0);
});

test.run();
