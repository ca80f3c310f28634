import type { CommandLine, Subcommand } from "../terminal/command.js";
import type { Option } from "../terminal/options.js";
import { operandValues, optionValues, shortHelp, type Values } from "./table.js";

/** Returns a completion script for zsh, to be sourced or to be put into a directory of `fpath` as `_durable-hits`. */
export function zshScript(program: CommandLine): string {
  return `#compdef durable-hits
# Completion of durable-hits for zsh: source <(durable-hits completion zsh), after compinit
_durable-hits() {
  local curcontext=$curcontext state line
  typeset -A opt_args
${argumentsOf(program, "  ")}
}
if [[ $funcstack[1] == _durable-hits ]]; then
  _durable-hits "$@"
else
  compdef _durable-hits durable-hits
fi`;
}

function argumentsOf(line: CommandLine, indent: string): string {
  const options = Object.entries(line.options).map(([name, option]) => optionSpec(name, option));
  if (line.subcommands === undefined) {
    const operand = operandValues(line);
    const specs = operand === undefined ? options : [...options, quoted(`*:${line.operand}:${action(operand)}`)];
    return `${indent}_arguments ${specs.join(" ")}`;
  }
  const descriptions = line.subcommands.map(({ name, summary }) => quoted(`${name}:${summary}`));
  return `${indent}_arguments -C ${options.join(" ")} '1: :->command' '*:: :->arguments' && return
${indent}case $state in
${indent}  command)
${indent}    local -a commands=(${descriptions.join(" ")})
${indent}    _describe command commands
${indent}    ;;
${indent}  arguments)
${indent}    case $words[1] in
${line.subcommands.map((command) => commandCase(command, `${indent}      `)).join("\n")}
${indent}    esac
${indent}    ;;
${indent}esac`;
}

function commandCase(command: Subcommand, indent: string): string {
  return `${indent}${command.name})
${argumentsOf(command, `${indent}  `)}
${indent}  ;;`;
}

/** Returns the specification of an option for `_arguments`. */
function optionSpec(name: string, option: Option): string {
  const values = optionValues(option);
  const description = `[${shortHelp(option).replace(/[\\[\]:]/g, "\\$&")}]`;
  const rest = values === undefined ? description : `${description}:${option.value ?? name}:${action(values)}`;
  const long = values === undefined ? `--${name}` : `--${name}=`;
  if (option.short === undefined) return quoted(`${option.multiple === true ? "*" : ""}${long}${rest}`);
  const short = values === undefined ? `-${option.short}` : `-${option.short}+`;
  return `'(-${option.short} --${name})'{${short},${long}}${quoted(rest)}`;
}

function action(values: Values): string {
  if (values === "files") return "_files";
  if (values === "directories") return "_files -/";
  return values === "any text" ? " " : `(${values.join(" ")})`;
}

function quoted(text: string): string {
  return `'${text.replace(/'/g, "'\\''")}'`;
}
