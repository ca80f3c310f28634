import { existsSync, readFileSync } from "node:fs";

/** Returns the resident memory of a process and its peak, in megabytes; NaN where the system has no such figures. */
export function memoryOf(pid: number | undefined): { readonly resident: number; readonly peak: number } {
  const file = `/proc/${pid}/status`;
  const status = existsSync(file) ? readFileSync(file, "utf8") : "";
  const megabytes = (name: string) =>
    (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? Number.NaN) * 1024) / 1e6;
  return { resident: Math.round(megabytes("VmRSS")), peak: Math.round(megabytes("VmHWM")) };
}
