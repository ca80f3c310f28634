import { grouped } from "./table.js";

/** One second of the demo. */
export interface Second {
  /** Time since the start. */
  readonly seconds: number;
  readonly happening: string;
  /** Hits that were answered with 202, by the visitors' ledger. */
  readonly acknowledged: number;
  /** What the server's pages show; undefined while it is down. */
  readonly figures: { readonly counted: number; readonly projected: number; readonly pending: number } | undefined;
  /** Undefined if nobody was answered. */
  readonly slowestMs: number | undefined;
  /** MongoDB's state as our server sees it. */
  readonly mongodb: string;
}

const COLUMNS = [
  ["time", 4],
  ["what is happening", -31],
  ["accepted", 8],
  ["counted", 8],
  ["projected", 9],
  ["pending", 7],
  ["slowest", 8],
  ["MongoDB", -9],
] as const;
const LEGEND = `
accepted: answered with 202, by the visitors' ledger; counted, projected (confirmed by MongoDB)
and pending: as our pages show them; slowest: the slowest answer to a visitor in that second;
MongoDB: its state as our server sees it
`;
const WIDTH = COLUMNS.reduce((sum, [, width]) => sum + Math.abs(width) + 2, -2);
const isColored = process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined;

export function printHeader(): void {
  console.log(LEGEND);
  print(
    COLUMNS.map(([name]) => name),
    "1",
  );
}

export function printSecond({ seconds, happening, acknowledged, figures, slowestMs, mongodb }: Second): void {
  const { counted, projected, pending } = figures ?? {};
  const cells = [
    `${Math.round(seconds)}s`,
    happening,
    grouped(acknowledged),
    ...[counted, projected, pending].map((value) => (value === undefined ? "-" : grouped(value))),
    slowestMs === undefined ? "-" : `${grouped(slowestMs)} ms`,
    mongodb,
  ];
  print(cells, figures === undefined ? "31" : mongodb === "up" ? undefined : "33");
}

/** Prints an event as a rule across the table. */
export function printEvent(text: string): void {
  write(`-- ${text} ${"-".repeat(Math.max(2, WIDTH - text.length - 4))}`, "1");
}

export function printVerdict(isFine: boolean, text: string): void {
  write(`${isFine ? "ok   " : "WRONG"} ${text}`, isFine ? "32" : "31");
}

function print(cells: readonly string[], color: string | undefined): void {
  const line = COLUMNS.map(([, width], column) => {
    const cell = cells[column] ?? "";
    return width < 0 ? cell.padEnd(-width) : cell.padStart(width);
  });
  write(line.join("  ").trimEnd(), color);
}

function write(line: string, color: string | undefined): void {
  console.log(isColored && color !== undefined ? `\u001b[${color}m${line}\u001b[0m` : line);
}
