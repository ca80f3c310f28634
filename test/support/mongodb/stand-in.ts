import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { copy, emptyDir, move } from "fs-extra/esm";
import { CACHE, remembered } from "./remembered.js";

const run = promisify(execFile);
const SOURCES = path.join(path.dirname(fileURLToPath(import.meta.url)), "stand-in");

/** The server of stand-in/StandIn.java: MongoDB's wire protocol, files on disk, no transactions, no replication. */
export interface StandIn {
  readonly kind: "stand-in";
  readonly controllable: true;
  readonly java: string;
  /** The argument of `java -cp`. */
  readonly classPath: string;
}

/** Built once per version of its sources, about 5 s and a few MB of downloads; the server, or why it failed. */
export async function buildStandIn(java: string, maven: string): Promise<StandIn | string> {
  const pom = readFileSync(path.join(SOURCES, "pom.xml"));
  const source = readFileSync(path.join(SOURCES, "StandIn.java"));
  const hash = createHash("sha256").update(pom).update(source).digest("hex").slice(0, 16);
  const built = await remembered(`stand-in-${hash}`, () => build(java, maven, path.join(CACHE, `stand-in-${hash}`)));
  if ("failure" in built) return built.failure;
  const classPath = [path.join(built.path, "classes"), path.join(built.path, "lib", "*")].join(path.delimiter);
  return { kind: "stand-in", controllable: true, java, classPath };
}

async function build(java: string, maven: string, target: string): Promise<string> {
  const work = `${target}.building`;
  await emptyDir(work);
  // Maven writes beside the pom.
  await copy(SOURCES, work);
  const lib = path.join(work, "lib");
  // On Windows mvn is a script, and those need a shell.
  await run(maven, ["-B", "-q", "dependency:copy-dependencies", `-DoutputDirectory=${lib}`], {
    cwd: work,
    timeout: 200_000,
    shell: process.platform === "win32",
  });
  const jars = readdirSync(lib).map((jar) => path.join(lib, jar));
  const classes = path.join(work, "classes");
  // The compiler as a module of java: it need not be the javac on PATH, if there is one. Compiled here and not at every
  // start, which would take another second.
  const compiler = ["-m", "jdk.compiler/com.sun.tools.javac.Main", "-d", classes, "-cp", jars.join(path.delimiter)];
  await run(java, [...compiler, path.join(work, "StandIn.java")], { timeout: 60_000 });
  await move(work, target, { overwrite: true });
  return target;
}
