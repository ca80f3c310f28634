import { hash } from "node:crypto";
import type { Writable } from "node:stream";
import { describeError, HitsError } from "../../errors.js";
import { type Hit, MAX_N } from "../../model/hit.js";
import { interruptible } from "../terminal/command.js";
import { Output, OutputClosed } from "../terminal/output.js";
import { grouped, printableName } from "../terminal/text.js";
import { openTarget, settingsOf } from "./open-target.js";
import { readSetOptions, type SetOptions } from "./options.js";
import { Interrupted, type Target } from "./target.js";

const REFUSED = 1;
const UNFINISHED = 2;
const USAGE = 64;
/** Of at most `MAX_N` hits each, in one batch. */
const MAX_RECORDS = 1000;

const HELP = `usage: durable-hits set COUNTER N [options]

Brings a counter to N, for a count that comes from elsewhere: what is missing is counted as a hit that stands for so many, with
the payload {"set":N}, which the log keeps. Counts only grow: an N below the count is refused. Hits that arrive meanwhile
add to it. At most ${grouped(MAX_RECORDS * MAX_N)} at a time are added.

The count includes other logs' hits: it goes into the log directory, and MongoDB (MONGODB_URL) is asked for theirs; where a
server has the log open, it goes to the server at HOST and PORT. ADMIN_TOKEN is sent along where it is set.

  --dir DIR        the log directory (default: WAL_DIR, else ./wal)
  --url URL        a server instead, like http://127.0.0.1:3000
  --wait SECONDS   how long a server may stay away (default 120)
  --json           {"counter","before","added","count"}
Exit status: 0; 1 where N is refused; 2 where it could not be done: the same command may be repeated; 64 for arguments that are
not allowed.`;

/** `durable-hits set COUNTER N`; its exit status. */
export async function runSet(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  terminal: { readonly stdout: Writable; readonly stderr: Writable } = process,
): Promise<number> {
  const output = new Output(terminal.stdout, terminal.stderr);
  const warn = (message: string) => output.complain(`set: ${message}`);
  try {
    const options = readSetOptions(args);
    if (options === undefined) {
      await output.lines([HELP]);
      return 0;
    }
    return await interruptible(async (signal) => {
      const config = settingsOf(environment, options.dir);
      const target = await openTarget({ config, ...options, warn }, signal);
      try {
        return await setCount(target, options, output, signal);
      } finally {
        await target.close();
      }
    });
  } catch (error) {
    if (error instanceof OutputClosed) return 0;
    warn(error instanceof Interrupted ? "interrupted; the same command may be repeated" : describeError(error));
    return error instanceof HitsError && error.code === "INVALID_ARGUMENT" ? USAGE : UNFINISHED;
  }
}

async function setCount(
  target: Target,
  { counter, to, json }: SetOptions,
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  const name = printableName(counter);
  const before = await target.count(counter, signal);
  const added = to - before;
  const refuse = (why: string) => {
    output.complain(`set: ${name} stands at ${grouped(before)}: ${why}`);
    return REFUSED;
  };
  if (added < 0) return refuse(`it can't be brought to ${grouped(to)}, since counts only grow. Nothing was changed`);
  if (added > MAX_RECORDS * MAX_N) {
    const most = grouped(MAX_RECORDS * MAX_N);
    return refuse(`at most ${most} are added at a time, and ${grouped(to)} would take more. Nothing was changed`);
  }
  if (added > 0) {
    const { refusals, unnamed } = await target.take(hitsFor(counter, before, to), signal);
    const [first] = refusals;
    if (first !== undefined || unnamed > 0) {
      const done = await target.count(counter, signal);
      output.complain(
        `set: ${first?.code}: ${first?.detail}. ${name} stands at ${grouped(done)}; the same command may be repeated`,
      );
      return UNFINISHED;
    }
  }
  if (json) await output.json({ counter, before, added, count: to });
  else if (added === 0) await output.lines([`${name} stands at ${grouped(to)} already`]);
  else await output.lines([`${name}: ${grouped(before)} → ${grouped(to)}, added ${grouped(added)} (${target.name})`]);
  return 0;
}

/** The hits that take a counter from one count to another. The same step has the same ids, so that it counts once. */
export function hitsFor(counter: string, from: number, to: number): Hit[] {
  const step = hash("sha256", `set\0${counter}\0${from}\0${to}`, "base64url").slice(0, 20);
  const hits: Hit[] = [];
  for (let left = to - from; left > 0; left -= MAX_N) {
    hits.push({
      counter,
      n: Math.min(left, MAX_N),
      id: `set-${step}-${hits.length}`,
      payload: JSON.stringify({ set: to }),
    });
  }
  return hits;
}
