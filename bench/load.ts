import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import autocannon from "autocannon";

export interface Load {
  readonly requestsPerSecond: number;
  readonly p99Milliseconds: number;
  readonly maxMilliseconds: number;
  /** Answers that were no 2xx, and broken connections. */
  readonly errors: number;
}

export interface LoadOptions {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly body?: { readonly type: string; readonly text: string };
}

const hasWrk = spawnSync("wrk", ["--version"]).error === undefined;
export const loadGenerator = hasWrk ? "wrk" : "autocannon";

/** POSTs as fast as the server answers. By wrk where it is installed, which takes less of the machine; else autocannon. */
export function post(options: LoadOptions): Promise<Load> {
  return hasWrk ? postByWrk(options) : postByAutocannon(options);
}

async function postByWrk({ url, connections, seconds, body }: LoadOptions): Promise<Load> {
  const directory = mkdtempSync(path.join(tmpdir(), "durable-hits-wrk-"));
  try {
    const script = path.join(directory, "post.lua");
    const lines = ['wrk.method = "POST"'];
    if (body !== undefined) {
      const file = path.join(directory, "body");
      writeFileSync(file, body.text);
      lines.push(`wrk.headers["Content-Type"] = "${body.type}"`, `wrk.body = io.open("${file}"):read("*a")`);
    }
    writeFileSync(script, lines.join("\n"));
    const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "--latency", "-s", script, url];
    const { stdout } = await promisify(execFile)("wrk", args);
    const p99 = /^\s+99%\s+([\d.]+)(us|ms|s)$/m.exec(stdout);
    const max = /^\s+Latency\s+\S+\s+\S+\s+([\d.]+)(us|ms|s)\s/m.exec(stdout);
    const milliseconds = (found: RegExpExecArray | null) =>
      Number(found?.[1] ?? Number.NaN) * ({ us: 0.001, ms: 1, s: 1000 }[found?.[2] ?? "ms"] ?? 1);
    const numbers = (pattern: RegExp) => [...(pattern.exec(stdout) ?? [])].slice(1).map(Number);
    const [bad = 0] = numbers(/Non-2xx or 3xx responses: (\d+)/);
    const broken = numbers(/Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/);
    return {
      requestsPerSecond: numbers(/^Requests\/sec:\s+([\d.]+)/m)[0] ?? 0,
      p99Milliseconds: milliseconds(p99),
      maxMilliseconds: milliseconds(max),
      errors: broken.reduce((total, count) => total + count, bad),
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function postByAutocannon({ url, connections, seconds, body }: LoadOptions): Promise<Load> {
  const content = body === undefined ? {} : { body: body.text, headers: { "content-type": body.type } };
  const result = await autocannon({ url, connections, duration: seconds, method: "POST", ...content });
  return {
    requestsPerSecond: result.requests.average,
    p99Milliseconds: result.latency.p99,
    maxMilliseconds: result.latency.max,
    errors: result.non2xx + result.errors,
  };
}
