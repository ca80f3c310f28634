import { type Command, type CommandLine, optionLines, reportFailure } from "../terminal/command.js";
import { HELP, invalidArgument, parseOptions } from "../terminal/options.js";
import { Output } from "../terminal/output.js";
import { bashScript } from "./bash.js";
import { fishScript } from "./fish.js";
import { zshScript } from "./zsh.js";

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;
const SHELLS = Object.keys(SCRIPTS) as (keyof typeof SCRIPTS)[];
const OPTIONS = { help: HELP } as const;

const HELP_TEXT = `usage: durable-hits completion SHELL

Prints a script that completes commands, options and their values; SHELL is ${SHELLS.join(", ")}. Load it in the shell's startup file:

  bash  source <(durable-hits completion bash)
  zsh   source <(durable-hits completion zsh), after compinit
  fish  durable-hits completion fish | source

${optionLines(OPTIONS)}
Exit status: 0; 64 invalid arguments.`;

/** Returns `durable-hits completion`, whose scripts are made from the program's own tables. */
export function completionCommand(program: () => Promise<CommandLine>): Command {
  return {
    options: OPTIONS,
    operand: "SHELL",
    choices: SHELLS,
    async run(args) {
      const output = new Output(process.stdout, process.stderr);
      return await reportFailure({ name: "completion", output, failure: 1 }, async () => {
        const { values, positionals } = parseOptions(args, OPTIONS, true);
        if (values.help === true) {
          await output.writeLines([HELP_TEXT]);
          return 0;
        }
        const [name, ...rest] = positionals;
        const shell = SHELLS.find((known) => known === name);
        if (shell === undefined || rest.length > 0) {
          throw invalidArgument(`name one shell: ${SHELLS.join(", ")}`);
        }
        await output.writeLines([SCRIPTS[shell](await program())]);
        return 0;
      });
    },
  };
}
