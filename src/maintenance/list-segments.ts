import type { Damage } from "../wal/damage.js";
import type { LogDirectory } from "../wal/log-directory.js";
import { segmentName } from "../wal/segment-name.js";
import { forEachSegment } from "./log-directory.js";
import { readLog } from "./read-log.js";

export interface SegmentRow {
  readonly file: string;
  readonly baseOffset: number;
  readonly records: number;
  readonly bytes: number;
  /** When its first and last batch with records were written, in epoch milliseconds; undefined without any. */
  readonly first: number | undefined;
  readonly last: number | undefined;
  /** Undefined if its header can't be read. */
  readonly epoch: number | undefined;
  /** `missing`: the segments around it refer to it. */
  readonly state: "active" | "closed" | "empty" | "damaged" | "missing";
}

/** Reads a log once and lists its segments, oldest first. Throws `OFFSET_GONE` if retention overtakes it. */
export async function listSegments(directory: LogDirectory): Promise<{
  readonly rows: readonly SegmentRow[];
  readonly damage: readonly Damage[];
}> {
  const contents = new Map<number, Pick<SegmentRow, "records" | "first" | "last">>();
  const { segment: newest, damage } = await readLog(
    { directory },
    {
      batch({ segment, count, time, missing }) {
        if (count === 0 || missing !== undefined) return;
        const { records, first } = contents.get(segment) ?? EMPTY;
        contents.set(segment, { records: records + count, first: first ?? time, last: time });
      },
    },
  );
  const broken = new Set(damage.map(({ file }) => file));
  const rows: SegmentRow[] = [];
  await forEachSegment(directory, newest, ({ baseOffset, header }, bytes) => {
    const file = segmentName(baseOffset);
    const content = contents.get(baseOffset);
    const isDamaged = broken.delete(file) || header === undefined;
    const state = isDamaged ? "damaged" : baseOffset === newest ? "active" : content === undefined ? "empty" : "closed";
    rows.push({ file, baseOffset, bytes, ...(content ?? EMPTY), epoch: header?.epoch, state });
  });
  for (const file of broken) {
    rows.push({ file, baseOffset: Number.parseInt(file, 10), bytes: 0, ...EMPTY, epoch: undefined, state: "missing" });
  }
  return { rows: rows.sort((a, b) => a.baseOffset - b.baseOffset), damage };
}

const EMPTY = { records: 0, first: undefined, last: undefined };
