/** What a real server lets strangers do with its own defaults, and with ADMIN_TOKEN set. */
import { request } from "node:http";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { failedStart, temporaryDirectory } from "../support/server-process.js";
import { trackedServers } from "../support/tracked-servers.js";

const start = trackedServers();

interface Answer {
  readonly status: number;
  readonly notCounted: string | undefined;
}

function ask(url: string, method: string, headers: Record<string, string>, body = ""): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request(url, { method, headers, agent: false }, (response) => {
      const { statusCode = 0, headers: got } = response;
      response
        .resume()
        .once("end", () => resolve({ status: statusCode, notCounted: got["hit-not-counted"] as string | undefined }));
    })
      .once("error", reject)
      .end(body);
  });
}

test("by default, a page whose name was rebound to the server's address counts nothing and reads nothing", async () => {
  // Empty: unset, unlike the other tests of real servers.
  const server = await start({ WAL_DIR: `${temporaryDirectory()}/wal`, ALLOWED_HOSTS: "" });
  const port = new URL(server.url).port;
  for (const host of ["localhost", "127.0.0.1", "[::1]"]) {
    assert.is((await ask(`${server.url}/hits/home`, "POST", { Host: `${host}:${port}` })).status, 202, host);
  }
  const rebound = { Host: `evil.example:${port}`, Origin: `http://evil.example:${port}` };
  assert.equal(await ask(`${server.url}/hits/home`, "POST", rebound), { status: 403, notCounted: "HOST_NOT_ALLOWED" });
  for (const path of ["/status", "/counters", "/counters/home", "/dashboard/data"]) {
    assert.is((await ask(server.url + path, "GET", rebound)).status, 403, path);
  }
  const { count } = (await (await fetch(`${server.url}/counters/home`)).json()) as { count: number };
  assert.is(count, 3);
  assert.is((await server.stop()).status, 0);
});

test("with ADMIN_TOKEN set, strangers count one at a time; a short token stops the start", async () => {
  const token = "0123456789abcdef";
  const directory = `${temporaryDirectory()}/wal`;
  const server = await start({ WAL_DIR: directory, ADMIN_TOKEN: token });
  const bulk = { "Content-Type": "application/x-ndjson" };
  assert.is((await ask(`${server.url}/hits/home?id=a`, "POST", {}, '{"a":1}')).status, 202);
  assert.equal(await ask(`${server.url}/hits/home?n=2`, "POST", {}), { status: 401, notCounted: "UNAUTHORIZED" });
  assert.equal(await ask(`${server.url}/hits`, "POST", bulk, '{"counter":"home"}'), {
    status: 401,
    notCounted: "UNAUTHORIZED",
  });
  const bearer = { Authorization: `Bearer ${token}` };
  assert.is((await ask(`${server.url}/hits`, "POST", { ...bulk, ...bearer }, '{"counter":"home","n":5}')).status, 202);
  const { count } = (await (await fetch(`${server.url}/counters/home`)).json()) as { count: number };
  assert.is(count, 6);
  const { status, stderr } = await server.stop();
  assert.is(status, 0);
  assert.not.ok(stderr.includes(token));
  const refused = await failedStart({ WAL_DIR: directory, ADMIN_TOKEN: "s3cret!" });
  assert.is(refused.status, 78);
  assert.match(refused.stderr, /^ADMIN_TOKEN=…: must be 8 to 1,024/);
  assert.not.match(refused.stderr, /s3cret/);
});

test.run();
