/** The systemd unit, the compose file and the Dockerfile, as far as they can be looked at without being run. */
import { execFile, spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { runInNewContext } from "node:vm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readConfig } from "../../src/config.js";
import { withServer } from "../http/harness.js";
import { temporaryDirectory } from "../support/server-process.js";
import { projectFile, projectText } from "./shown-metrics.js";

const run = promisify(execFile);

const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;
if (!hasSystemd) console.log("SKIP the systemd unit by systemd-analyze: it is not on the PATH");
const bySystemd = hasSystemd ? test : test.skip;

/** Exposure that systemd-analyze gives the unit, in tenths: 0 is none, 100 all. */
const EXPOSURE_AT_MOST = 15;

bySystemd("systemd unit: valid, and hardened", () => {
  const unit = path.join(temporaryDirectory(), "durable-hits.service");
  // The programs that it names are where they are installed, not here.
  const command = `ExecStart=${process.execPath} ${projectFile("src/bin.ts")} serve`;
  writeFileSync(unit, projectText("deploy/durable-hits.service").replace(/^ExecStart=.*$/m, command));
  const verified = spawnSync("systemd-analyze", ["verify", unit], { encoding: "utf8", timeout: 30_000 });
  assert.equal([verified.status, verified.stderr], [0, ""]);
  const threshold = `--threshold=${EXPOSURE_AT_MOST}`;
  const args = ["security", "--offline=true", "--no-pager", threshold, unit];
  const judged = spawnSync("systemd-analyze", args, { encoding: "utf8", timeout: 30_000 });
  assert.is(judged.status, 0, judged.stdout.split("\n").slice(-3).join("\n"));
});

/** Names of the environment in a text that can't be settings of this program. */
const OTHERS = new Set(["NODE_ENV", "NODE_OPTIONS"]);

function known(name: string): boolean {
  const setting = name.replace(/_FILE$/, "");
  return OTHERS.has(name) || projectText("src/config.ts").includes(`environment, "${setting}"`);
}

test("every setting in the unit, its example, the compose file and the Dockerfile is one", () => {
  const names = [
    ...matches("deploy/durable-hits.env.example", /^#?([A-Z_]+)=/gm),
    ...matches("deploy/durable-hits.service", /^Environment=(\S+?)=|(?<=^Environment=.*) (\S+?)=/gm),
    ...matches("deploy/compose.yaml", /^ {6}([A-Z_]+): /gm),
    ...matches("Dockerfile", /^(?:ENV| {3}) ([A-Z_]+)=/gm),
  ];
  assert.ok(names.length >= 18, names.join());
  assert.equal(
    names.filter((name) => !known(name)),
    [],
  );
});

test("the settings of the example, those in comments too, and of the compose file can be used", () => {
  const secret = path.join(temporaryDirectory(), "secret");
  writeFileSync(secret, "mongodb://example.com/hits");
  const settings = (text: string, line: RegExp) =>
    Object.fromEntries(
      [...text.matchAll(line)].map(([, name = "", value = ""]) => [
        name,
        name.endsWith("_FILE") ? secret : value.replace(/^"(.*)"$/, "$1"),
      ]),
    );
  const example = readConfig(settings(projectText("deploy/durable-hits.env.example"), /^#?([A-Z_]+)=(.*)$/gm));
  assert.equal([example.trustProxy, example.rateLimit], [1, { hits: 600, seconds: 60 }]);
  const composed = readConfig(settings(projectText("deploy/compose.yaml"), /^ {6}([A-Z_]+): (.*)$/gm));
  assert.match(composed.mongodb?.url ?? "", /^mongodb:\/\/mongo1,mongo2,mongo3\/hits\?replicaSet=rs0$/);
});

const MIB = 1024 ** 2;
const UNITS: Record<string, number> = { m: MIB, g: 1024 * MIB };

test("the heap, the projection's thread and 1 GiB more fit into the memory limits of the unit and the compose file", () => {
  const thread = 384 * MIB + 1024 * readConfig({}).maxCounters;
  for (const [file, pattern] of [
    ["deploy/compose.yaml", /NODE_OPTIONS: --max-old-space-size=(\d+)[\s\S]*?mem_limit: (\d+)(\w)/],
    ["deploy/durable-hits.service", /NODE_OPTIONS=--max-old-space-size=(\d+)[\s\S]*?MemoryMax=(\d+)(\w)/],
  ] as const) {
    const [, heap, limit, unit = ""] = pattern.exec(projectText(file)) ?? [];
    const rest = Number(limit) * (UNITS[unit.toLowerCase()] ?? Number.NaN) - Number(heap) * MIB - thread;
    assert.ok(rest >= 1024 * MIB && rest < 2048 * MIB, `${file}: ${rest / MIB} MiB`);
  }
});

test("every service has a memory limit, and every image an exact version", () => {
  const compose = projectText("deploy/compose.yaml");
  const images = [...`${compose}\n${projectText("Dockerfile")}`.matchAll(/(?:image: |FROM )(\S+)/g)].map(
    ([, name]) => name,
  );
  assert.is(images.length, 5);
  for (const image of images) assert.match(image ?? "", /^[a-z]+:\d+\.\d+\.\d+(-[a-z-]+)?$/);
  // The three members share theirs.
  assert.is([...compose.matchAll(/mem_limit: /g)].length, 4);
});

test("secrets are where neither git nor the image looks", () => {
  const file = /file: \.\.\/(\S+)/.exec(projectText("deploy/compose.yaml"))?.[1] ?? "";
  for (const secret of [file, "secrets/mongodb-url", "deploy/admin-token", "deploy/durable-hits.env"]) {
    assert.is(spawnSync("git", ["check-ignore", "-q", secret], { cwd: projectFile(".") }).status, 0, secret);
  }
  const letThrough = projectText(".dockerignore").split("\n");
  assert.not.ok(letThrough.some((line) => line.startsWith("!secrets") || line.startsWith("!deploy")));
});

test("compose file: the files that it mounts are there, and the set is made of its members", () => {
  const compose = projectText("deploy/compose.yaml");
  for (const [, file = ""] of compose.matchAll(/- \.\/(\S+?):\//g))
    assert.ok(existsSync(projectFile(`deploy/${file}`)), file);
  const members = [...compose.matchAll(/^ {2}(mongo\d):\n {4}<<: \*mongo$/gm)].map(([, name]) => name);
  assert.is(members.length, 3);
  const initiated: { _id: string; members: { _id: number; host: string }[] }[] = [];
  const script = (failure: { code: number } | undefined) =>
    runInNewContext(projectText("deploy/mongo-replica-set.js"), {
      rs: {
        status: () => {
          if (failure !== undefined) throw failure;
        },
        // Through JSON: what the script makes are objects of its own world.
        initiate: (set: object) => initiated.push(JSON.parse(JSON.stringify(set))),
      },
    });
  script(undefined);
  assert.throws(
    () => script({ code: 13 }),
    ({ code }: { code: number }) => code === 13,
  );
  assert.is(initiated.length, 0);
  script({ code: 94 });
  assert.is(initiated[0]?._id, "rs0");
  assert.equal(
    initiated[0]?.members.map(({ _id, host }) => [_id, host]),
    members.map((name, index) => [index, `${name}:27017`]),
  );
});

test("Dockerfile: what it copies is let through to it, and is there", () => {
  const letThrough = projectText(".dockerignore").split("\n");
  const copied = [...projectText("Dockerfile").matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, list = ""]) =>
    list.split(" "),
  );
  assert.ok(copied.length >= 5);
  for (const name of copied) {
    assert.ok(existsSync(projectFile(name)), name);
    assert.ok(letThrough.includes(`!${name}`), name);
  }
});

test("Dockerfile: the health check is 0 while a server answers and else 1", async () => {
  const text = /^ {2}CMD (\[.*\])$/m.exec(projectText("Dockerfile"))?.[1] ?? "[]";
  const [, ...args] = JSON.parse(text) as string[];
  const check = (env: Record<string, string>) =>
    run(process.execPath, args, { env, timeout: 10_000 }).then(
      () => 0,
      (error: { code?: unknown }) => error.code,
    );
  await withServer(async ({ port }) => assert.is(await check({ PORT: String(port) }), 0));
  assert.is(await check({ PORT: "1" }), 1);
  assert.is(await check({ PORT: "1", ROLE: "project" }), 0, "without HTTP");
});

function matches(file: string, pattern: RegExp): string[] {
  return [...projectText(file).matchAll(pattern)].map(
    (match) => match.slice(1).find((name) => name !== undefined) ?? "",
  );
}

test.run();
