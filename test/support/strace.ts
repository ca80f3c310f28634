/** Running a server under strace, which makes the N-th system call on a log directory's files fail, or kills there. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** The calls by which a log changes its disk, or reaches for it. Each is counted by strace for itself. */
export const CALLS = ["pwrite64", "fdatasync", "fsync", "rename", "openat", "unlink", "ftruncate", "mkdir"] as const;
export type Call = (typeof CALLS)[number];

/** A fault at the N-th such call: `signal=SIGKILL` before it is made, `error=EIO` instead of it. */
export interface Injection {
  readonly call: Call;
  readonly what: string;
  /** strace's: `3` the third, `3+` from the third on. */
  readonly when: string;
}

/** File calls all in one thread, since strace counts by thread; and by system calls, not through a ring. */
export const ONE_THREAD = { UV_THREADPOOL_SIZE: "1", UV_USE_IO_URING: "0" };

/** Returns whether strace is installed and may trace and inject: containers often forbid it. */
export function canStrace(): boolean {
  if (process.platform !== "linux") return false;
  const probe = ["-D", "-f", "-qqq", "-o", "/dev/null", "-e", "trace=unlink", "-e", "inject=unlink:error=EIO:when=1"];
  const { status } = spawnSync("strace", [...probe, "sh", "-c", "rm /durable-hits-is-not-there"], { stdio: "ignore" });
  // rm fails either way; 127 or no status: there is no strace, or it may not trace.
  const plain = spawnSync("strace", ["-D", "-f", "-qqq", "-o", "/dev/null", "true"], { stdio: "ignore" });
  return status === 1 && plain.status === 0;
}

/** Returns the command-line prefix that makes strace write all of `CALLS` to a file. */
export function tracing(output: string): string[] {
  return ["strace", "-D", "-f", "-y", "-qqq", "--seccomp-bpf", "-o", output, "-e", `trace=${CALLS.join(",")}`];
}

/** Returns the command-line prefix that makes strace inject at calls on these paths, and write those calls to a file. */
export function injecting({ call, what, when }: Injection, paths: readonly string[], output: string): string[] {
  const inject = ["-e", `trace=${call}`, "-e", `inject=${call}:${what}:when=${when}`];
  const only = paths.flatMap((path) => ["-P", path]);
  // With --seccomp-bpf, which makes it faster, strace 6.1 sends no signals.
  const filter = what.startsWith("signal=") ? [] : ["--seccomp-bpf"];
  return ["strace", "-D", "-f", "-y", "-qqq", ...filter, "-o", output, ...inject, ...only];
}

export interface Traced {
  /** Every path in the directory that a call named, and the directory. */
  readonly paths: readonly string[];
  /** The number of times each call was made on them. */
  readonly counts: ReadonlyMap<Call, number>;
  /** The calls in order, one a line: for a failure's message. */
  readonly lines: readonly string[];
}

/** Reads what `tracing` wrote of a directory. */
export function readTrace(output: string, directory: string): Traced {
  const paths = new Set<string>([directory]);
  const counts = new Map<Call, number>();
  const lines: string[] = [];
  const name = new RegExp(`["<](${directory.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?:/[^">]*)?)[">]`, "g");
  for (const line of readFileSync(output, "utf8").split("\n")) {
    const call = CALLS.find((one) => line.includes(` ${one}(`));
    const named = [...line.matchAll(name)].map(([, path = ""]) => path);
    if (call === undefined || named.length === 0) continue;
    for (const path of named) paths.add(path);
    counts.set(call, (counts.get(call) ?? 0) + 1);
    lines.push(line);
  }
  return { paths: [...paths], counts, lines };
}
