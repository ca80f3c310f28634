// The first half of `npm run build`: empties dist and copies what is served as it stands. Then tsc adds the program.
import { cpSync, rmSync } from "node:fs";

rmSync("dist", { recursive: true, force: true });
cpSync("src", "dist", { recursive: true, filter: (file) => !file.endsWith(".ts") });
