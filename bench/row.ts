import { grouped, printTable } from "./table.js";

/** One line of a benchmark's results, by the column's name. */
export type Row = Readonly<Record<string, string | number>>;

/** Prints rows as a table whose columns are those of the first row. */
export function printRows(rows: readonly Row[]): void {
  const columns = Object.keys(rows[0] ?? {});
  printTable(
    columns,
    rows.map((row) => columns.map((column) => formatCell(row[column] ?? ""))),
  );
}

function formatCell(value: string | number): string {
  if (typeof value === "string") return value;
  if (Number.isNaN(value)) return "";
  return Number.isInteger(value) || Math.abs(value) >= 100 ? grouped(value) : value.toFixed(2);
}

/** Formats the range of some ratios. */
export function formatRange(values: readonly number[]): string {
  return `${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)}`;
}
