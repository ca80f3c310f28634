import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import autocannon from "autocannon";
import { remove } from "fs-extra/esm";

export interface Load {
  readonly requestsPerSecond: number;
  /** NaN if nothing was answered, like the maximum. */
  readonly p99Milliseconds: number;
  readonly maxMilliseconds: number;
  /** Answers other than 2xx, and broken connections. */
  readonly errors: number;
}

export interface LoadOptions {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly body?: { readonly type: string; readonly text: string };
  /** Replace the URL's own path; picked in the same random order each time. */
  readonly paths?: readonly string[];
}

const hasWrk = spawnSync("wrk", ["--version"]).error === undefined;
export const loadGenerator = hasWrk ? "wrk" : "autocannon";

/** POSTs as fast as the server answers. Uses wrk if it is installed, as it needs less of the machine; otherwise autocannon. */
export function post(options: LoadOptions): Promise<Load> {
  return hasWrk ? postByWrk(options) : postByAutocannon(options);
}

async function postByWrk({ url, connections, seconds, body, paths }: LoadOptions): Promise<Load> {
  const directory = mkdtempSync(path.join(tmpdir(), "durable-hits-wrk-"));
  try {
    const script = path.join(directory, "post.lua");
    const lines = ['wrk.method = "POST"'];
    if (body !== undefined) {
      const file = path.join(directory, "body");
      writeFileSync(file, body.text);
      lines.push(`wrk.headers["Content-Type"] = "${body.type}"`, `wrk.body = io.open("${file}"):read("*a")`);
    }
    if (paths !== undefined) {
      const file = path.join(directory, "paths");
      writeFileSync(file, paths.join("\n"));
      lines.push(pickPaths(file));
    }
    writeFileSync(script, lines.join("\n"));
    const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "--latency", "-s", script, url];
    const { stdout } = await promisify(execFile)("wrk", args);
    const p99 = /^\s+99%\s+([\d.]+)(us|ms|s)\s*$/m.exec(stdout);
    const max = /^\s+Latency\s+\S+\s+\S+\s+([\d.]+)(us|ms|s)\s/m.exec(stdout);
    const numbers = (pattern: RegExp) => [...(pattern.exec(stdout) ?? [])].slice(1).map(Number);
    const [rate = 0] = numbers(/^Requests\/sec:\s+([\d.]+)/m);
    const milliseconds = (found: RegExpExecArray | null) => {
      // Without any answer wrk prints zero.
      if (found === null || rate === 0) return Number.NaN;
      return Number(found[1]) * ({ us: 0.001, ms: 1, s: 1000 }[found[2] ?? "ms"] ?? 1);
    };
    const [bad = 0] = numbers(/Non-2xx or 3xx responses: (\d+)/);
    const broken = numbers(/Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/);
    return {
      requestsPerSecond: rate,
      p99Milliseconds: milliseconds(p99),
      maxMilliseconds: milliseconds(max),
      errors: broken.reduce((total, count) => total + count, bad),
    };
  } finally {
    await remove(directory);
  }
}

/** Requests are formatted ahead, so that wrk's one thread does as little as it can. */
function pickPaths(file: string): string {
  return `
    local requests = {}
    init = function()
      math.randomseed(1)
      for path in io.lines("${file}") do requests[#requests + 1] = wrk.format(nil, path) end
    end
    request = function() return requests[math.random(#requests)] end`;
}

async function postByAutocannon({ url, connections, seconds, body, paths }: LoadOptions): Promise<Load> {
  const content = body === undefined ? {} : { body: body.text, headers: { "content-type": body.type } };
  let next = 0;
  // Each connection walks through a list of its own, so that no two request the same path at once.
  const setupClient = (client: autocannon.Client) => {
    const first = next++;
    const own = (paths ?? []).filter((_, index) => index % connections === first % connections);
    client.setRequests(own.map((one) => ({ method: "POST", path: one, ...content })));
  };
  const many = paths === undefined ? {} : { setupClient };
  const result = await autocannon({ url, connections, duration: seconds, method: "POST", ...content, ...many });
  return {
    requestsPerSecond: result.requests.average,
    p99Milliseconds: result.latency.p99,
    maxMilliseconds: result.latency.max,
    errors: result.non2xx + result.errors,
  };
}
