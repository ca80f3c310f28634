import { checkLogDirectory } from "../../maintenance/log-directory.js";
import { logStatus, type StatusReport } from "../../maintenance/log-status.js";
import { retryOnRetention } from "../../maintenance/read-log.js";
import { missingFinding } from "../../maintenance/verify/finding.js";
import { humanAge, humanBytes, plural, rfc3339, seconds } from "../../model/text.js";
import { describeDamage } from "../../wal/damage.js";
import { printableName, table } from "../terminal/text.js";
import type { Command } from "./command.js";
import { describeFinding } from "./describe.js";

export const statusCommand: Command = {
  name: "status",
  synopsis: "",
  summary: "log, snapshots, registered projections, checkpoints, lag",
  options: [],
  help: `Reads the log once and prints its extent, its snapshots, and the checkpoint and lag (in hits) of each registered
projection. Checking whether a process has the log open would disturb one that is about to: the last that did is named.

  --json: {"log":{"id","epoch","start","end","segments","bytes","damage":[…],
                  "missing":[{"file","byte","from","to","expected","found","repaired","quarantine","settled","mends"}]},
           "snapshots":[{"file","offset","created","ageSeconds","bytes","sound","invalid"}],
           "projections":[{"name","checkpoint","lag","updatedAt","problem"}],"lastOpenedBy"}
Exit status: 0; 1 if it can't be read.`,

  async run({ directory, json, output }) {
    await checkLogDirectory(directory);
    const report = await retryOnRetention(() => logStatus(directory));
    const now = Date.now();
    if (json) await output.writeJson(document(report, now));
    else await output.writeLines(page(report, directory.path, now));
    return 0;
  },
};

function document({ log, snapshots, projections, lastOpenedBy }: StatusReport, now: number) {
  return {
    log: {
      ...log,
      id: log.id ?? null,
      epoch: log.epoch ?? null,
      damage: log.damage.map((damage) => ({ ...damage, to: damage.to ?? null })),
      missing: log.missing.map(({ restoredRecords, ...range }) => ({ ...range, mends: restoredRecords.length })),
    },
    snapshots: snapshots.map(({ file, bytes, facts, invalid }) => ({
      file,
      offset: facts?.offset ?? null,
      created: facts?.created ?? null,
      ageSeconds: facts === undefined ? null : Math.max(0, Math.floor((now - Date.parse(facts.created)) / 1000)),
      bytes,
      sound: invalid === undefined,
      invalid: invalid ?? null,
    })),
    projections: projections.map((row) => ({ ...row, problem: row.problem ?? null })),
    lastOpenedBy: lastOpenedBy ?? null,
  };
}

function page({ log, snapshots, projections, lastOpenedBy }: StatusReport, directory: string, now: number): string[] {
  const size = `${plural(log.segments, "segment")}, ${humanBytes(log.bytes)}`;
  return [
    `log ${log.id ?? "unknown"}, epoch ${log.epoch ?? "unknown"}, in ${directory}`,
    `offsets ${log.start} to ${log.end}, ${size}`,
    lastOpenedBy === undefined ? "never opened here" : `last opened by ${printableName(lastOpenedBy)}`,
    log.damage.length === 0 ? "no damage" : `damaged in ${plural(log.damage.length, "place")}:`,
    ...log.damage.map((damage) => `  ${describeDamage(damage)}`),
    ...log.missing.map((range) => describeFinding(missingFinding(range))),
    "",
    ...(snapshots.length === 0 ? ["no snapshots"] : table(SNAPSHOTS, snapshots.map(snapshotCells(now)))),
    "",
    ...(projections.length === 0
      ? ["no registered projections"]
      : table(PROJECTIONS, projections.map(projectionCells))),
  ];
}

const SNAPSHOTS = [
  { header: "SNAPSHOT AT", right: true },
  { header: "CREATED" },
  { header: "AGE", right: true },
  { header: "SIZE", right: true },
  { header: "STATE" },
] as const;

function snapshotCells(now: number) {
  return ({ file, bytes, facts, invalid }: StatusReport["snapshots"][number]): string[] => {
    const created = facts === undefined ? undefined : Date.parse(facts.created);
    return [
      String(facts?.offset ?? file),
      seconds(created),
      created === undefined ? "-" : humanAge(now - created),
      humanBytes(bytes),
      invalid === undefined ? "sound" : `damaged: ${invalid}`,
    ];
  };
}

const PROJECTIONS = [
  { header: "PROJECTION" },
  { header: "CHECKPOINT", right: true },
  { header: "LAG", right: true },
  { header: "UPDATED" },
  { header: "" },
] as const;

function projectionCells({ name, checkpoint, lag, updatedAt, problem }: StatusReport["projections"][number]): string[] {
  const updated = Date.parse(updatedAt);
  return [name, String(checkpoint), String(lag), Number.isNaN(updated) ? "-" : rfc3339(updated), problem ?? ""];
}
