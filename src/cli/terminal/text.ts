/**
 * Names, ids and payloads come from anybody. Some characters in them steer a terminal (the C1 controls hold a one-byte
 * escape), turn the direction of what follows, or end a line for some programs: these are never printed as they are.
 */
const STEERING = "\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069\\ufeff";
const STEERING_CHARACTERS = new RegExp(`[${STEERING}]`, "g");
const QUOTED = new RegExp(`[${STEERING}\\u0000-\\u001f\\ud800-\\udfff]`);

/** JSON text with those characters escaped. They can only lie in its strings, so it means the same. */
export function printableJson(json: string): string {
  return json.replace(STEERING_CHARACTERS, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** A name in a column: as it is where that is plain to see, else as a JSON string. */
export function printableName(name: string): string {
  const isPlain = !QUOTED.test(name.replace(/[\ud800-\udbff][\udc00-\udfff]/g, "")) && name.trim() === name;
  return isPlain && name !== "" && !name.startsWith('"') ? name : printableJson(JSON.stringify(name));
}

export function grouped(number: number): string {
  return number.toLocaleString("en-US");
}

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
