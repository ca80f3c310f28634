import type { CommandLine } from "../terminal/command.js";
import { allCommands, type CommandPath, operandValues, optionValues, spellings, type Values } from "./table.js";

/** Returns a completion script for bash 3.2 and later. */
export function bashScript(program: CommandLine): string {
  const commands = allCommands(program);
  const paths = commands.filter(({ path }) => path.length > 0).map(({ path }) => `"${path.join(" ")}"`);
  const withValues = commands.flatMap(({ line }) =>
    Object.entries(line.options).flatMap(([name, option]) =>
      optionValues(option) === undefined ? [] : spellings(name, option),
    ),
  );
  return `# Completion of durable-hits for bash: source <(durable-hits completion bash)
_durable_hits() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} command= options= words= paths= i reply
  # --dir=PATH arrives as three words.
  if [[ $cur == = ]]; then
    cur=
  elif [[ $prev == = && $COMP_CWORD -gt 1 ]]; then
    prev=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      ${[...new Set(withValues)].join(" | ")})
        [[ \${COMP_WORDS[i + 1]} == = ]] && ((i++))
        ((i++))
        ;;
      *)
        case "\${command:+$command }\${COMP_WORDS[i]}" in
          ${paths.join(" | ")}) command="\${command:+$command }\${COMP_WORDS[i]}" ;;
        esac
        ;;
    esac
  done
  case $command in
${commands.map(commandCase).join("\n")}
  esac
  if [[ $cur == -* || -z $words$paths ]]; then
    words=$options paths=
  fi
  COMPREPLY=()
  local -a candidates=(-W "$words")
  if [[ -n $paths ]]; then
    candidates=("$paths")
    compopt -o filenames 2>/dev/null
  fi
  while IFS= read -r reply; do
    COMPREPLY+=("$reply")
  done < <(compgen "\${candidates[@]}" -- "$cur")
}
complete -F _durable_hits durable-hits`;
}

function commandCase({ path, line }: CommandPath): string {
  const options = Object.entries(line.options);
  const values = options.flatMap(([name, option]) => {
    const completed = optionValues(option);
    if (completed === undefined) return [];
    return [`        ${spellings(name, option).join(" | ")}) ${assignment(completed)} ;;`];
  });
  const operand = line.subcommands?.map(({ name }) => name) ?? operandValues(line) ?? "any text";
  const all = options.flatMap(([name, option]) => spellings(name, option)).join(" ");
  return `    "${path.join(" ")}")
      case $prev in
${[...values, `        *) options="${all}" ${assignment(operand)} ;;`].join("\n")}
      esac
      ;;`;
}

function assignment(values: Values): string {
  if (values === "files") return "paths=-f";
  if (values === "directories") return "paths=-d";
  return values === "any text" ? "words=" : `words="${values.join(" ")}"`;
}
