import { DIR, HELP, type Options } from "../terminal/options.js";

/** The options of all `wal` commands. A command's own help has the details of those that it takes. */
export const WAL_OPTIONS = {
  dir: DIR,
  json: { type: "boolean", help: "prints JSON" },
  help: HELP,
  from: { type: "string", value: "N", help: "the first offset" },
  to: { type: "string", value: "N", help: "the offset to end before" },
  counter: { type: "string", value: "NAME", help: "only this counter" },
  follow: { type: "boolean", short: "f", help: "continues with what is written from now on" },
  top: { type: "string", value: "N", help: "only the highest N" },
  yes: { type: "boolean", help: "makes the changes" },
  "without-mongodb": { type: "boolean", help: "repairs without asking MongoDB" },
  format: { type: "string", value: "F", choices: ["ndjson", "csv"], help: "the format" },
  since: { type: "string", value: "TIME", help: "the first time" },
  until: { type: "string", value: "TIME", help: "the time to end before" },
  output: { type: "string", value: "FILE", short: "o", help: "writes into a file" },
  force: { type: "boolean", help: "replaces an existing file" },
  "no-ids": { type: "boolean", help: "omits ids" },
  "excel-safe": { type: "boolean", help: "defuses formulas in CSV" },
} as const satisfies Options;

/** The options that every `wal` command takes. */
export const COMMON_OPTIONS = ["dir", "json", "help"] as const;
export type OwnOption = Exclude<keyof typeof WAL_OPTIONS, (typeof COMMON_OPTIONS)[number]>;
