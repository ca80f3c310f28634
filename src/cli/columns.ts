export interface Column {
  readonly header: string;
  /** Numbers are set to the right. */
  readonly right?: true;
}

/** A table for people: a header in upper case, columns as wide as what is in them. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const widths = columns.map(({ header }, index) =>
    rows.reduce((width, row) => Math.max(width, row[index]?.length ?? 0), header.length),
  );
  const line = (cells: readonly string[]) =>
    columns
      .map(({ right }, index) => {
        const [cell, width] = [cells[index] ?? "", widths[index] ?? 0];
        return right === true ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd();
  return [columns.map(({ header }) => header), ...rows].map(line);
}
