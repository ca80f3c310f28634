import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { freePort } from "../support/mongodb/free-port.js";
import { temporaryDirectory } from "../support/server-process.js";
import { projectText } from "./shown-metrics.js";

const START_MS = 10_000;

export function hasNginx(): boolean {
  return spawnSync("nginx", ["-v"]).status === 0;
}

/** nginx with the project's configuration, but for its addresses and the places that only root may write. */
export class Nginx {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once("close", () => resolve()));
  }

  /** `rate` replaces those of requests. In front of a server of this machine; resolves once it listens. Throws what `nginx -t` reports on the configuration. */
  static async before(serverPort: number, rate?: string): Promise<Nginx> {
    const port = await freePort();
    const prefix = temporaryDirectory();
    const file = path.join(prefix, "nginx.conf");
    const text = configuration(prefix, port, serverPort);
    writeFileSync(file, rate === undefined ? text : text.replace(/rate=\S+;/g, `rate=${rate};`));
    const args = ["-p", prefix, "-c", file, "-e", "stderr"];
    const { status, stderr } = spawnSync("nginx", [...args, "-t"], { encoding: "utf8", timeout: START_MS });
    if (status !== 0) throw new Error(stderr);
    // Its workers would run as a user who may not read the directory of this test.
    const child = spawn("nginx", [...args, "-g", "daemon off; master_process off;"], { stdio: "ignore" });
    process.once("exit", () => child.kill("SIGKILL"));
    const nginx = new Nginx(port, child);
    for (const deadline = performance.now() + START_MS; !(await listens(port)); ) {
      if (performance.now() > deadline || child.exitCode !== null) {
        await nginx.stop();
        throw new Error("nginx does not listen");
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return nginx;
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#ended;
  }
}

function configuration(prefix: string, port: number, serverPort: number): string {
  let text = projectText("deploy/nginx.conf");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${prefix}/${name};`)
    .join(" ");
  for (const [from, to] of [
    ["server durable-hits:3000;", `server 127.0.0.1:${serverPort};`],
    ["listen 80;", `listen 127.0.0.1:${port};`],
    ["pid /run/nginx.pid;", `pid ${prefix}/nginx.pid;`],
    ["access_log /dev/stdout", `access_log ${prefix}/access.log`],
    ["http {", `http { ${temporary}`],
  ] as const) {
    if (!text.includes(from)) throw new Error(`deploy/nginx.conf has no ${from}`);
    text = text.replace(from, to);
  }
  return text;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    }).once("error", () => resolve(false));
  });
}
