import { execFile } from "node:child_process";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { findServer } from "../support/mongodb/find-server.js";
import { mongoTests } from "../support/mongodb/mongo-test.js";
import { temporaryDirectory } from "../support/server-process.js";

const run = promisify(execFile);
const support = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "support", "mongodb");
const { mongoTest } = await mongoTests();

/** Runs the finder in another process; resolves to the lines that it prints. */
async function findWith(environment: Record<string, string>): Promise<string[]> {
  const finder = pathToFileURL(path.join(support, "find-server.ts")).href;
  const script = `import { findServer } from ${JSON.stringify(finder)};
    console.log("found " + ((await findServer())?.kind ?? "nothing"));`;
  const { stdout } = await run(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
    env: { ...process.env, ...environment },
  });
  return stdout.trim().split("\n");
}

mongoTest("it finds the same server each time", async (server) => {
  assert.is(await findServer(), server.found);
  assert.is(server.found.controllable, server.found.kind !== "given");
});

test("a given URL comes first, and its password is not printed", async () => {
  const lines = await findWith({ MONGODB_TEST_URL: "mongodb://user:secret@localhost:1/?x=y" });
  assert.is(lines.length, 2);
  assert.match(lines[0] ?? "", /^NOTE mongodb: runs on MONGODB_TEST_URL, mongodb:\/\/…@localhost:1\//);
  assert.is(lines[1], "found given");
});

test("with nothing on PATH there is one line that reports it", async () => {
  const lines = await findWith({ MONGODB_TEST_URL: "", PATH: temporaryDirectory() });
  assert.is(lines.length, 2);
  // Elsewhere mongodb-memory-server has a mongod.
  if (lines[1] === "found mongod") assert.match(lines[0] ?? "", /^NOTE mongodb: runs on mongod /);
  else {
    assert.match(lines[0] ?? "", /^SKIP mongodb: no server .*no mongod on PATH; .*no java and mvn on PATH/);
    assert.is(lines[1], "found nothing");
  }
});

test.run();
