import path from "node:path";
import { parseAt } from "../../hit/parse-hit.js";
import { invalidArgument } from "../terminal/options.js";
import type { ExportSettings } from "./command.js";

/** The options of a command line. */
interface Given {
  readonly format?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly output?: string | undefined;
  readonly force?: boolean | undefined;
  readonly "no-ids"?: boolean | undefined;
  readonly "excel-safe"?: boolean | undefined;
}

/** Checks the options of `export`. Throws `INVALID_ARGUMENT`. */
export function exportSettings(given: Given): ExportSettings {
  const { format = "ndjson", output } = given;
  if (format !== "ndjson" && format !== "csv") throw invalidArgument(`--format ${format}: must be ndjson or csv`);
  if (output === "") throw invalidArgument("--output is empty: it must be the path of a file");
  if (given.force === true && output === undefined) throw invalidArgument("--force requires --output");
  if (given["excel-safe"] === true && format !== "csv") throw invalidArgument("--excel-safe requires --format csv");
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
      `--${name} ${value}: must be a time like 2026-01-15T12:00:00Z or a day like 2026-01-15 (in UTC)`,
    );
  }
}
