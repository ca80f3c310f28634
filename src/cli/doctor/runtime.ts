import { readPackageJson } from "../../host/package-json.js";
import type { Finding } from "./finding.js";

export interface Runtime {
  readonly node: string;
  readonly platform: string;
  readonly arch: string;
  /** On Linux: the version of the C library, undefined where it isn't glibc. */
  readonly glibc: string | undefined;
}

export function thisRuntime(): Runtime {
  return { node: process.versions.node, platform: process.platform, arch: process.arch, glibc: glibcVersion() };
}

/** What runs it. */
export function checkRuntime({ node, platform, arch, glibc }: Runtime, least = leastNode()): Finding {
  const check = "runtime";
  const found = `Node.js ${node} on ${platform} ${arch}`;
  if (isBefore(node, least)) {
    const advice = `install Node.js ${least} or later`;
    return { check, level: "problem", found: `${found}: ${least} is the oldest that is supported`, advice };
  }
  if (platform === "linux" && glibc === undefined) {
    const advice = "use an image with a glibc (node:22-slim instead of node:22-alpine)";
    return { check, level: "warning", found: `${found}, without a glibc: the lock's binary needs one`, advice };
  }
  if (platform === "linux") return { check, level: "ok", found };
  if (platform === "darwin" || platform === "win32") {
    return { check, level: "note", found: `${found}: it should work; what is tested is Linux` };
  }
  return {
    check,
    level: "warning",
    found: `${found}: never tried`,
    advice: "run it on Linux, or try it with --torture",
  };
}

function isBefore(version: string, least: string): boolean {
  const [a = [], b = []] = [version, least].map((text) => text.split(".").map((part) => Number.parseInt(part, 10)));
  const at = b.findIndex((part, index) => part !== (a[index] ?? 0));
  return at >= 0 && (a[at] ?? 0) < (b[at] ?? 0);
}

function leastNode(): string {
  return readPackageJson().engines.node.replace(/^\D+/, "");
}

function glibcVersion(): string | undefined {
  const report = process.report.getReport() as { readonly header?: { readonly glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime;
}
