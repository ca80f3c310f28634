/**
 * Names, ids and payloads come from anybody. Some characters in them control a terminal (the C1 controls contain a one-byte
 * escape), reverse the direction of the text after them, or end a line for some programs: these are never printed as they are.
 */
const CONTROLS = "\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069\\ufeff";
const CONTROL_CHARACTERS = new RegExp(`[${CONTROLS}]`, "g");
const UNPRINTABLE = new RegExp(`[${CONTROLS}\\u0000-\\u0008\\u000b-\\u001f]`, "g");
const LINE_UNPRINTABLE = new RegExp(`[${CONTROLS}\\u0000-\\u001f]`, "g");
const QUOTED = new RegExp(`[${CONTROLS}\\u0000-\\u001f\\ud800-\\udfff]`);

/** Returns JSON text with those characters escaped. They can only be in its strings, so its meaning stays. */
export function printableJson(json: string): string {
  return json.replace(CONTROL_CHARACTERS, escapeOf);
}

/** Returns text, which may have several lines and tabs, with those and all other control characters escaped. */
export function printableText(text: string): string {
  return text.replace(UNPRINTABLE, escapeOf);
}

/** Returns text with those and all control characters escaped: it stays one line. */
export function printableLine(text: string): string {
  return text.replace(LINE_UNPRINTABLE, escapeOf);
}

function escapeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Returns a name for a column: unchanged where it reads unambiguously, else as a JSON string. */
export function printableName(name: string): string {
  const isPlain = !QUOTED.test(name.replace(/[\ud800-\udbff][\udc00-\udfff]/g, "")) && name.trim() === name;
  return isPlain && name !== "" && !name.startsWith('"') ? name : printableJson(JSON.stringify(name));
}

export function grouped(number: number): string {
  return number.toLocaleString("en-US");
}

/** Breaks a text into lines of at most `width` characters, at its spaces. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

export interface Column {
  readonly header: string;
  /** Aligned right, as numbers are. */
  readonly right?: true;
}

/** Lays out a table for people: a header in upper case, columns as wide as their contents. */
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
