import path from "node:path";
import { parseAt } from "../../hit/parse-hit.js";
import { invalidArgument } from "../terminal/options.js";
import type { ExportSettings } from "./command.js";

/** What was typed, by option. */
interface Given {
  readonly format?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly output?: string | undefined;
  readonly force?: boolean | undefined;
  readonly "no-ids"?: boolean | undefined;
  readonly "excel-safe"?: boolean | undefined;
}

/** What `export` alone takes, checked. Throws `INVALID_ARGUMENT`. */
export function exportSettings(given: Given): ExportSettings {
  const { format = "ndjson", output } = given;
  if (format !== "ndjson" && format !== "csv") throw invalidArgument(`--format ${format}: ndjson or csv is allowed`);
  if (output === "") throw invalidArgument("--output is empty: the path of a file is allowed");
  if (given.force === true && output === undefined) throw invalidArgument("--force goes with --output");
  if (given["excel-safe"] === true && format !== "csv") throw invalidArgument("--excel-safe goes with --format csv");
  const since = time("since", given.since);
  const until = time("until", given.until);
  if (since !== undefined && until !== undefined && since > until) {
    throw invalidArgument(`--since ${given.since} is later than --until ${given.until}`);
  }
  return {
    format,
    since,
    until,
    file: output === undefined ? undefined : path.resolve(output),
    force: given.force === true,
    withIds: given["no-ids"] !== true,
    excelSafe: given["excel-safe"] === true,
  };
}

function time(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(value);
  try {
    return parseAt(isDay ? `${value}T00:00:00Z` : value, Number.POSITIVE_INFINITY);
  } catch {
    throw invalidArgument(
      `--${name} ${value}: a time like 2026-01-15T12:00:00Z or a day like 2026-01-15 (of UTC) is allowed`,
    );
  }
}
