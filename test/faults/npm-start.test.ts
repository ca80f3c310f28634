import { spawn } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { temporaryDirectory } from "../support/server-process.js";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..");

test("npm start: SIGTERM to npm stops the server in order, and npm waits for it", async () => {
  const child = spawn("npm", ["start", "--ignore-scripts"], {
    cwd: root,
    env: { ...process.env, PORT: "0", WAL_DIR: `${temporaryDirectory()}/wal`, WAL_SEGMENT_BYTES: "1MiB" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      const ready = /^listening on (http:\S+)$/m.exec(output)?.[1];
      if (ready !== undefined) resolve(ready);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.on("close", () => reject(new Error(output)));
  });
  assert.is((await fetch(`${url}/hits/home`, { method: "POST" })).status, 202);
  const closed = new Promise((resolve) => child.on("close", resolve));
  child.kill("SIGTERM");
  await closed;
  assert.match(output, /"signal":"SIGTERM","msg":"stopping"/);
  try {
    await fetch(`${url}/healthz`);
    assert.unreachable("the server is still there");
  } catch (error) {
    assert.match(String(error instanceof Error ? error.cause : error), /ECONNREFUSED/);
  }
});

test.run();
