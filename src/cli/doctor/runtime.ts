import { readPackageJson } from "../../host/package-json.js";
import type { Finding } from "./check.js";

export interface Runtime {
  readonly node: string;
  readonly platform: string;
  readonly arch: string;
  /** On Linux: the version of glibc; undefined for another C library. */
  readonly glibc: string | undefined;
}

export function thisRuntime(): Runtime {
  return { node: process.versions.node, platform: process.platform, arch: process.arch, glibc: glibcVersion() };
}

/** Checks Node.js and the platform. */
export function checkRuntime({ node, platform, arch, glibc }: Runtime, minimum = minimumNode()): Finding {
  const check = "runtime";
  const found = `Node.js ${node} on ${platform} ${arch}`;
  if (isBefore(node, minimum)) {
    const advice = `install Node.js ${minimum} or later`;
    return { check, level: "problem", found: `${found}: ${minimum} is the oldest supported version`, advice };
  }
  if (platform === "linux" && glibc === undefined) {
    const advice = "use an image with glibc (node:22-slim instead of node:22-alpine)";
    return { check, level: "warning", found: `${found}, without glibc, which the lock's binary needs`, advice };
  }
  if (platform === "linux") return { check, level: "ok", found };
  if (platform === "darwin" || platform === "win32") {
    return { check, level: "note", found: `${found}: should work; only Linux is tested` };
  }
  return {
    check,
    level: "warning",
    found: `${found}: never tested`,
    advice: "run it on Linux, or test it with --torture",
  };
}

function isBefore(version: string, minimum: string): boolean {
  const [a = [], b = []] = [version, minimum].map((text) => text.split(".").map((part) => Number.parseInt(part, 10)));
  const at = b.findIndex((part, index) => part !== (a[index] ?? 0));
  return at >= 0 && (a[at] ?? 0) < (b[at] ?? 0);
}

function minimumNode(): string {
  return readPackageJson().engines.node.replace(/^\D+/, "");
}

function glibcVersion(): string | undefined {
  const report = process.report.getReport() as { readonly header?: { readonly glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime;
}
