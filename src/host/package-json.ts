import { readFileSync } from "node:fs";

/** The parts of this package's package.json that the program uses. */
export interface PackageJson {
  readonly version: string;
  /** `node`: the versions of Node.js that it runs on, as a range. */
  readonly engines: { readonly node: string };
}

/** Reads package.json, which is two folders up in the sources, in the build and in the installed package alike. */
export function readPackageJson(): PackageJson {
  return JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as PackageJson;
}
