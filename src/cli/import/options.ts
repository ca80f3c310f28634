import { describeError } from "../../errors.js";
import { checkCounterName } from "../../hit/parse-hit.js";
import { MAX_COUNT } from "../../model/hit.js";
import { givenDirectory, invalidArgument, parseOptions } from "../terminal/options.js";
import { FORMATS, type Format } from "./line-format.js";

const MAX_PREFIX_BYTES = 512;
const DEFAULT_WAIT_SECONDS = 120;
const MAX_WAIT_SECONDS = 7 * 86_400;

const WHERE = {
  dir: { type: "string" },
  url: { type: "string" },
  wait: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

const IMPORT = {
  ...WHERE,
  format: { type: "string" },
  prefix: { type: "string" },
  "all-statuses": { type: "boolean" },
  include: { type: "string", multiple: true },
  exclude: { type: "string", multiple: true },
  "no-ids": { type: "boolean" },
  state: { type: "string" },
  errors: { type: "string" },
  quiet: { type: "boolean", short: "q" },
} as const;

/** Where hits go, and how it is told. */
export interface WhereOptions {
  readonly dir: string | undefined;
  readonly url: URL | undefined;
  readonly patienceMs: number;
  readonly json: boolean;
}

export interface ImportOptions extends WhereOptions {
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

export interface SetOptions extends WhereOptions {
  readonly counter: string;
  readonly to: number;
}

/** Undefined where help is asked for. Throws `INVALID_ARGUMENT`. */
export function readImportOptions(args: readonly string[]): ImportOptions | undefined {
  const { values, positionals } = parseOptions(args, IMPORT, true);
  if (values.help === true) return undefined;
  const [file] = positionals;
  if (file === undefined || file === "" || positionals.length > 1)
    throw invalidArgument("name one FILE, or - for standard input");
  const format = FORMATS.find((known) => known === (values.format ?? "auto"));
  if (format === undefined) throw invalidArgument(`--format ${values.format}: one of ${FORMATS.join(", ")} is allowed`);
  const prefix = values.prefix ?? "";
  if (Buffer.byteLength(prefix) > MAX_PREFIX_BYTES)
    throw invalidArgument(`--prefix: at most ${MAX_PREFIX_BYTES} bytes are allowed`);
  for (const name of ["state", "errors"] as const)
    if (values[name] === "") throw invalidArgument(`--${name} is empty: name a file`);
  return {
    ...where(values),
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

/** Undefined where help is asked for. Throws `INVALID_ARGUMENT`. */
export function readSetOptions(args: readonly string[]): SetOptions | undefined {
  const { values, positionals } = parseOptions(args, WHERE, true);
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
  if (to >= 0 && to <= MAX_COUNT) return { ...where(values), counter, to };
  throw invalidArgument(`${text}: a whole number from 0 to ${MAX_COUNT} (2^52) is allowed`);
}

interface WhereValues {
  readonly dir?: string | undefined;
  readonly url?: string | undefined;
  readonly wait?: string | undefined;
  readonly json?: boolean | undefined;
}

function where({ dir, url, wait, json }: WhereValues): WhereOptions {
  const directory = givenDirectory(dir);
  if (dir !== undefined && url !== undefined) throw invalidArgument("--dir and --url: one of them is allowed");
  const seconds = wait === undefined ? DEFAULT_WAIT_SECONDS : /^\d{1,6}$/.test(wait) ? Number(wait) : Number.NaN;
  if (!(seconds <= MAX_WAIT_SECONDS))
    throw invalidArgument(`--wait ${wait}: seconds from 0 to ${MAX_WAIT_SECONDS} are allowed`);
  return {
    dir: directory,
    url: url === undefined ? undefined : serverUrl(url),
    patienceMs: seconds * 1000,
    json: json === true,
  };
}

function serverUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isServer = url !== undefined && /^https?:$/.test(url.protocol) && url.search + url.hash + url.username === "";
  if (isServer) return url;
  // It may hold a password.
  throw invalidArgument("--url: http://HOST:PORT or https://…, without user, query and fragment, is allowed");
}
