#!/usr/bin/env node
import { serve } from "./server/main.js";

const USAGE = `usage: durable-hits serve
       durable-hits wal COMMAND      (durable-hits wal --help)
       durable-hits import FILE|-    (durable-hits import --help)
       durable-hits set COUNTER N    (durable-hits set --help)
       durable-hits doctor           (durable-hits doctor --help)
`;

const [command, ...rest] = process.argv.slice(2);
if (command === "serve" && rest.length === 0) {
  await serve(process.env);
} else if (command === "wal") {
  // Not loaded for serving.
  const { runWalCommand } = await import("./cli/wal/wal-command.js");
  process.exitCode = await runWalCommand(rest, process.env);
} else if (command === "import") {
  const { runImport } = await import("./cli/import/import-command.js");
  process.exitCode = await runImport(rest, process.env);
} else if (command === "set") {
  const { runSet } = await import("./cli/import/set-command.js");
  process.exitCode = await runSet(rest, process.env);
} else if (command === "doctor") {
  const { runDoctor } = await import("./cli/doctor/doctor.js");
  process.exit(await runDoctor(rest, process.env));
} else {
  const asked = command === "--help" || command === "help";
  (asked ? process.stdout : process.stderr).write(USAGE);
  process.exitCode = asked ? 0 : 64;
}
