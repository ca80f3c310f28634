import { grouped, printTable } from "./table.js";

/** One line of a benchmark's result: what it is and its figures, by the column's name. */
export type Row = Readonly<Record<string, string | number>>;

/** Rows as a table whose columns are those of the first. */
export function printRows(rows: readonly Row[]): void {
  const columns = Object.keys(rows[0] ?? {});
  printTable(
    columns,
    rows.map((row) => columns.map((column) => shown(row[column] ?? ""))),
  );
}

function shown(value: string | number): string {
  if (typeof value === "string") return value;
  if (Number.isNaN(value)) return "";
  return Number.isInteger(value) || Math.abs(value) >= 100 ? grouped(value) : value.toFixed(2);
}

/** From the least to the most, as ratios are shown. */
export function shownRange(values: readonly number[]): string {
  return `${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)}`;
}
