import { describeError } from "../../errors.js";
import { checkCounterName } from "../../hit/parse-hit.js";
import { MAX_COUNT } from "../../model/hit.js";
import {
  DIR,
  givenDirectory,
  HELP,
  integerOption,
  invalidArgument,
  type Options,
  parseOptions,
} from "../terminal/options.js";
import { FORMATS, type Format } from "./line-format.js";

const MAX_PREFIX_BYTES = 512;
const DEFAULT_WAIT_SECONDS = 120;
const MAX_WAIT_SECONDS = 7 * 86_400;

const TARGET = {
  dir: DIR,
  url: { type: "string", value: "URL", help: "a server instead, like http://127.0.0.1:3000" },
} as const satisfies Options;
const COMMON = {
  wait: {
    type: "string",
    value: "SECONDS",
    help: `how long to retry while a server does not answer (default ${DEFAULT_WAIT_SECONDS})`,
  },
  help: HELP,
} as const satisfies Options;

export const SET_OPTIONS = {
  ...TARGET,
  json: { type: "boolean", help: 'the result as JSON: {"counter","before","added","count"}' },
  ...COMMON,
} as const satisfies Options;

export const IMPORT_OPTIONS = {
  ...TARGET,
  format: {
    type: "string",
    value: "F",
    choices: FORMATS,
    help: "ndjson, combined or auto (default: by the first line)",
  },
  prefix: { type: "string", value: "TEXT", help: "precedes each path of an access log, like example.org" },
  "all-statuses": { type: "boolean", help: "counts every response of an access log" },
  include: {
    type: "string",
    value: "GLOB",
    multiple: true,
    help: "counts only these counters of an access log (* is any text, / too); may be repeated",
  },
  exclude: { type: "string", value: "GLOB", multiple: true, help: "omits these counters; may be repeated" },
  state: {
    type: "string",
    value: "FILE",
    help: "the file that records how far the import came (default: FILE.imported; none for standard input)",
  },
  "no-ids": {
    type: "boolean",
    help:
      "sends no ids: for more lines than MAX_IDEMPOTENCY_KEYS has room for. Then only the state file prevents counting " +
      "twice: a crash, or a lost response, can repeat one batch (4,000 hits)",
  },
  errors: { type: "string", value: "FILE", help: "a file for all refused lines; without it the first 100 are shown" },
  quiet: { type: "boolean", short: "q", help: "shows no progress" },
  json: {
    type: "boolean",
    help:
      'the summary as JSON: {"input", "target", "log", "finished", "stopped", "lines", "before", "counted", "replayed", ' +
      '"maybeTwice", "skipped", "refused", "seconds"}',
  },
  ...COMMON,
} as const satisfies Options;

/** The options that `import` and `set` share. */
interface CommonOptions {
  readonly dir: string | undefined;
  readonly url: URL | undefined;
  readonly patienceMs: number;
  readonly json: boolean;
}

export interface ImportOptions extends CommonOptions {
  /** `-` for standard input. */
  readonly file: string;
  readonly format: Format;
  readonly prefix: string;
  readonly allStatuses: boolean;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly withIds: boolean;
  readonly state: string | undefined;
  readonly errors: string | undefined;
  readonly quiet: boolean;
}

export interface SetOptions extends CommonOptions {
  readonly counter: string;
  readonly to: number;
}

/** Reads the arguments; undefined if they ask for help. Throws `INVALID_ARGUMENT`. */
export function readImportOptions(args: readonly string[]): ImportOptions | undefined {
  const { values, positionals } = parseOptions(args, IMPORT_OPTIONS, true);
  if (values.help === true) return undefined;
  const [file] = positionals;
  if (file === undefined || file === "" || positionals.length > 1)
    throw invalidArgument("name one FILE, or - for standard input");
  const format = FORMATS.find((known) => known === (values.format ?? "auto"));
  if (format === undefined) throw invalidArgument(`--format ${values.format}: must be one of ${FORMATS.join(", ")}`);
  const prefix = values.prefix ?? "";
  if (Buffer.byteLength(prefix) > MAX_PREFIX_BYTES)
    throw invalidArgument(`--prefix: must be at most ${MAX_PREFIX_BYTES} bytes`);
  for (const name of ["state", "errors"] as const)
    if (values[name] === "") throw invalidArgument(`--${name} is empty: name a file`);
  return {
    ...commonOptions(values),
    file,
    format,
    prefix,
    allStatuses: values["all-statuses"] === true,
    include: values.include ?? [],
    exclude: values.exclude ?? [],
    withIds: values["no-ids"] !== true,
    state: values.state,
    errors: values.errors,
    quiet: values.quiet === true,
  };
}

/** Reads the arguments; undefined if they ask for help. Throws `INVALID_ARGUMENT`. */
export function readSetOptions(args: readonly string[]): SetOptions | undefined {
  const { values, positionals } = parseOptions(args, SET_OPTIONS, true);
  if (values.help === true) return undefined;
  const [counter, text] = positionals;
  if (counter === undefined || text === undefined || positionals.length > 2)
    throw invalidArgument("name a COUNTER and a number");
  try {
    checkCounterName(counter);
  } catch (error) {
    throw invalidArgument(describeError(error));
  }
  const to = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (to >= 0 && to <= MAX_COUNT) return { ...commonOptions(values), counter, to };
  throw invalidArgument(`${text}: must be an integer from 0 to ${MAX_COUNT} (2^52)`);
}

interface CommonValues {
  readonly dir?: string | undefined;
  readonly url?: string | undefined;
  readonly wait?: string | undefined;
  readonly json?: boolean | undefined;
}

function commonOptions({ dir, url, wait, json }: CommonValues): CommonOptions {
  const directory = givenDirectory(dir);
  if (dir !== undefined && url !== undefined) throw invalidArgument("--dir and --url exclude each other");
  return {
    dir: directory,
    url: url === undefined ? undefined : parseServerUrl(url),
    patienceMs:
      1000 * (integerOption({ name: "wait", value: wait, min: 0, max: MAX_WAIT_SECONDS }) ?? DEFAULT_WAIT_SECONDS),
    json: json === true,
  };
}

function parseServerUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isServer = url !== undefined && /^https?:$/.test(url.protocol) && url.search + url.hash + url.username === "";
  if (isServer) return url;
  // The text is not shown: it may contain a password.
  throw invalidArgument("--url: must be http://HOST:PORT or https://…, without user, query and fragment");
}
