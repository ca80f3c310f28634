import { hash } from "node:crypto";
import type { Writable } from "node:stream";
import { type Hit, MAX_N } from "../../model/hit.js";
import { type Command, interruptible, optionLines, reportFailure } from "../terminal/command.js";
import { Output } from "../terminal/output.js";
import { grouped, printableName } from "../terminal/text.js";
import { configFor, openTarget } from "./open-target.js";
import { readSetOptions, SET_OPTIONS, type SetOptions } from "./options.js";
import { Interrupted, type Target } from "./target.js";

const REFUSED = 1;
const UNFINISHED = 2;
/** The most records of up to `MAX_N` hits each that go into the one batch. */
const MAX_RECORDS = 1000;

const HELP = `usage: durable-hits set COUNTER N [options]

Brings a counter to N, for a count from elsewhere: the difference is counted as a hit that stands for that many, with the
payload {"set":N}, which the log keeps. Counts only grow: an N below the count is refused. Hits that arrive meanwhile
add to it. At most ${grouped(MAX_RECORDS * MAX_N)} are added at a time.

The count includes other logs' hits: it goes into the log directory, and MongoDB (MONGODB_URL) is asked for theirs; if a
server has the log open, it goes to the server at HOST and PORT. ADMIN_TOKEN is sent if it is set.

${optionLines(SET_OPTIONS)}
Exit status: 0; 1 N is refused; 2 it could not be done: the same command may be repeated; 64 invalid arguments.`;

/** `durable-hits set`, for the program's table of commands. */
export const setCommand: Command = { options: SET_OPTIONS, run: runSet };

/** Runs `durable-hits set COUNTER N`; resolves to its exit status. */
export async function runSet(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  terminal: { readonly stdout: Writable; readonly stderr: Writable } = process,
): Promise<number> {
  const output = new Output(terminal.stdout, terminal.stderr);
  return await reportFailure({ name: "set", output, failure: UNFINISHED }, async () => {
    const options = readSetOptions(args);
    if (options === undefined) {
      await output.writeLines([HELP]);
      return 0;
    }
    const warn = (message: string) => output.writeMessage(`set: ${message}`);
    return await interruptible(async (signal) => {
      const config = configFor(environment, options.dir);
      const target = await openTarget({ config, ...options, warn }, signal);
      try {
        return await setCount({ target, options, output, signal });
      } finally {
        await target.close();
      }
    }).catch((error: unknown) => {
      throw error instanceof Interrupted ? new Error("interrupted; the same command may be repeated") : error;
    });
  });
}

interface SetRun {
  readonly target: Target;
  readonly options: SetOptions;
  readonly output: Output;
  readonly signal: AbortSignal;
}

async function setCount({ target, options: { counter, to, json }, output, signal }: SetRun): Promise<number> {
  const name = printableName(counter);
  const before = await target.count(counter, signal);
  const added = to - before;
  const refuse = (why: string) => {
    output.writeMessage(`set: ${name} is at ${grouped(before)}: ${why}`);
    return REFUSED;
  };
  if (added < 0) return refuse(`it can't be set to ${grouped(to)}, since counts only grow. Nothing was changed`);
  if (added > MAX_RECORDS * MAX_N) {
    const most = grouped(MAX_RECORDS * MAX_N);
    return refuse(`at most ${most} are added at a time, and ${grouped(to)} would take more. Nothing was changed`);
  }
  if (added > 0) {
    const { refusals, unnamed } = await target.record(hitsFor(counter, before, to), signal);
    const [first] = refusals;
    if (first !== undefined || unnamed > 0) {
      const reached = await target.count(counter, signal);
      output.writeMessage(
        `set: ${first?.code}: ${first?.detail}. ${name} is at ${grouped(reached)}; the same command may be repeated`,
      );
      return UNFINISHED;
    }
  }
  if (json) await output.writeJson({ counter, before, added, count: to });
  else if (added === 0) await output.writeLines([`${name} is at ${grouped(to)} already`]);
  else
    await output.writeLines([`${name}: ${grouped(before)} → ${grouped(to)}, added ${grouped(added)} (${target.name})`]);
  return 0;
}

/** Returns the hits that bring a counter from one count to another. The same step has the same ids, so that it counts once. */
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
