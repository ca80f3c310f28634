import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { ROOT, remembered } from "./remembered.js";
import { buildStandIn, type StandIn } from "./stand-in.js";

const run = promisify(execFile);

/** A server that someone else runs: it can't be killed, frozen or copied. */
export interface GivenServer {
  readonly kind: "given";
  readonly controllable: false;
  readonly url: string;
}

/** A real mongod, to be run as a replica set of one: what users have, and what writes with majority are made for. */
export interface Mongod {
  readonly kind: "mongod";
  readonly controllable: true;
  readonly binary: string;
}

export type FoundServer = GivenServer | Mongod | StandIn;

/** A download may take so long; a test file as a whole has 300 s. */
const DOWNLOAD_LIMIT_MS = 150_000;

let found: Promise<FoundServer | undefined> | undefined;

/**
 * Finds the server for this machine's MongoDB tests: MONGODB_TEST_URL, else a mongod on PATH, else one that
 * mongodb-memory-server has or downloads, else the stand-in (needs java and mvn on PATH), else undefined.
 * Prints once per process which it is, as a line "NOTE mongodb: …", or "SKIP mongodb: …" with the reasons.
 */
export function findServer(): Promise<FoundServer | undefined> {
  found ??= find();
  return found;
}

async function find(): Promise<FoundServer | undefined> {
  const url = process.env["MONGODB_TEST_URL"];
  if (url !== undefined && url !== "") {
    // It may hold a password.
    note(
      `runs on MONGODB_TEST_URL, ${url.replace(/\/\/[^@/]*@/, "//…@")}: what kills, freezes or copies it is left out`,
    );
    return { kind: "given", controllable: false, url };
  }
  const reasons = ["MONGODB_TEST_URL is not set"];
  const onPath = findOnPath("mongod");
  if (onPath === undefined) reasons.push("no mongod on PATH");
  else {
    const mongod = await checkMongod(onPath, "of PATH");
    if (typeof mongod !== "string") return mongod;
    reasons.push(mongod);
  }
  const downloaded = await remembered("mongod", download);
  if ("failure" in downloaded) reasons.push(`none to download (${downloaded.failure.replace(/, Details:$/, "")})`);
  else {
    const mongod = await checkMongod(downloaded.path, "downloaded");
    if (typeof mongod !== "string") return mongod;
    reasons.push(mongod);
  }
  const java = findOnPath("java");
  const maven = findOnPath("mvn");
  if (java === undefined || maven === undefined) reasons.push("no java and mvn on PATH for the stand-in");
  else {
    const standIn = await buildStandIn(java, maven);
    if (typeof standIn !== "string") {
      note(`runs on the stand-in, not on MongoDB (${reasons.join("; ")})`);
      return standIn;
    }
    reasons.push(`the stand-in could not be built (${standIn})`);
  }
  console.log(`SKIP mongodb: no server for these tests: ${reasons.join("; ")}`);
  return undefined;
}

function note(text: string): void {
  console.log(`NOTE mongodb: ${text}`);
}

/** The server, or why that binary doesn't do: it may be of another processor or miss a library. */
async function checkMongod(binary: string, origin: string): Promise<Mongod | string> {
  try {
    const { stdout } = await run(binary, ["--version"], { timeout: 20_000 });
    note(
      `runs on mongod ${/v(\d[\w.-]*)/.exec(stdout)?.[1] ?? "of unknown version"}, ${origin}, as a replica set of one`,
    );
    return { kind: "mongod", controllable: true, binary };
  } catch (error) {
    return `the mongod ${origin} does not run (${error instanceof Error ? error.message.split("\n")[0] : error})`;
  }
}

/** In a process of its own: a download that hangs can be given up, and what it prints stays out of the tests' output. */
async function download(): Promise<string> {
  const script = `import("mongodb-memory-server-core/lib/util/MongoBinary.js")
    .then(({ MongoBinary }) => MongoBinary.getPath())
    .then((path) => console.log(path), (error) => { console.error(error.message); process.exitCode = 1; });`;
  const child = run(process.execPath, ["-e", script], { cwd: ROOT, timeout: DOWNLOAD_LIMIT_MS, killSignal: "SIGKILL" });
  try {
    const { stdout } = await child;
    return stdout.trim().split("\n").at(-1) ?? "";
  } catch (error) {
    const stderr = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : "";
    throw new Error(stderr === "" ? `gave up after ${DOWNLOAD_LIMIT_MS / 1000} s` : stderr);
  }
}

function findOnPath(name: string): string | undefined {
  const names = process.platform === "win32" ? [`${name}.exe`, `${name}.cmd`] : [name];
  return (process.env["PATH"] ?? "")
    .split(path.delimiter)
    .filter((directory) => directory !== "")
    .flatMap((directory) => names.map((file) => path.join(directory, file)))
    .find(executable);
}

function executable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
