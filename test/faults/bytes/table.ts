import { readFileSync } from "node:fs";

/** A row of the table "Changed bytes, case by case" in docs/reliability.md: what operators see, and so what tests expect. */
export interface Row {
  readonly name: string;
  readonly start: "nothing" | "torn tail" | "damage" | "halted";
  readonly sound: boolean;
}

const HEADING = "## Changed bytes, case by case";
const VERIFY = new Map([
  ["sound, 0", true],
  ["damaged, 1", false],
]);

export function bytesTable(): Row[] {
  const text = readFileSync(new URL("../../../docs/reliability.md", import.meta.url), "utf8");
  const section = text.slice(text.indexOf(HEADING) + HEADING.length).split("\n## ")[0] ?? "";
  const lines = section.split("\n").filter((line) => line.startsWith("| "));
  return lines.slice(2).map((line) => {
    const [name = "", start = "", , , verify = ""] = line.slice(2, -2).split(" | ");
    const sound = VERIFY.get(verify);
    if (sound === undefined || !isStart(start)) throw new Error(`a row that no test understands: ${line}`);
    return { name, start, sound };
  });
}

function isStart(start: string): start is Row["start"] {
  return ["nothing", "torn tail", "damage", "halted"].includes(start);
}
