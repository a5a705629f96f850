import { TRANSPORTS } from "../transport/index.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** What a script completes without asking strata. */
export interface CompletionWords {
  readonly verbs: readonly { readonly name: string; readonly summary: string }[];
  /** Options of each verb, as they are typed. */
  readonly options: Readonly<Record<string, readonly string[]>>;
  /** What the first argument of a verb can be, where that is no image; what follows is a file. */
  readonly parts: Readonly<Record<string, readonly string[]>>;
}

/** A completion script: verbs, options, transports and files by itself, paths inside an image with `strata __complete`. */
export function completionScript(shell: Shell, words: CompletionWords): string {
  switch (shell) {
    case "bash":
      return bash(words);
    case "zsh":
      return zsh(words);
    case "fish":
      return fish(words);
  }
}

const PREFIXES = TRANSPORTS.map((name) => `${name}:`);

function bash({ verbs, options, parts }: CompletionWords): string {
  const cases = verbs.map(({ name }) => `      ${name}) words="${(options[name] ?? []).join(" ")}" ;;`);
  const partCases = Object.entries(parts).map(([name, words]) => `    ${name}) words="${words.join(" ")}" ;;`);
  return `# bash completion for strata; put this into ~/.bashrc: eval "$(strata completion bash)"
_strata() {
  local current=\${COMP_WORDS[COMP_CWORD]} verb=\${COMP_WORDS[1]} words="" image="" i
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W "${verbs.map(({ name }) => name).join(" ")} --help --version" -- "$current")
    return
  fi
  if [[ $current == -* ]]; then
    case $verb in
${cases.join("\n")}
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    return
  fi
  # Bash splits words at colons: transports and paths are joined again.
  local line=\${COMP_LINE:0:COMP_POINT} typed
  read -ra typed <<< "$line"
  [[ $line == *" " ]] && typed+=("")
  current=\${typed[\${#typed[@]} - 1]}
  for ((i = 2; i < \${#typed[@]} - 1; i++)); do
    [[ \${typed[i]} != -* ]] && { image=\${typed[i]}; break; }
  done
  case $verb in
${partCases.join("\n")}
  esac
  if [ -n "$words" ] && [ -z "$image" ]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  elif [ -n "$words" ]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
    compopt -o filenames 2> /dev/null
  elif [ -z "$image" ]; then
    mapfile -t COMPREPLY < <(compgen -f -- "\${current#*:}"; compgen -W "${PREFIXES.join(" ")}" -- "$current")
    compopt -o filenames -o nospace 2> /dev/null
  else
    mapfile -t COMPREPLY < <(strata __complete "$image" "$current" 2> /dev/null)
    [ "$verb" = cp ] && mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current")
    compopt -o nospace 2> /dev/null
  fi
}
complete -F _strata strata
`;
}

function zsh({ verbs, options, parts }: CompletionWords): string {
  const described = verbs.map(({ name, summary }) => `    '${name}:${summary.replaceAll("'", "")}'`);
  const cases = verbs.map(({ name }) => `    ${name}) options=(${(options[name] ?? []).join(" ")}) ;;`);
  const partCases = Object.entries(parts).map(([name, words]) => `    ${name}) options=(${words.join(" ")}) ;;`);
  return `#compdef strata
# zsh completion for strata; put this into ~/.zshrc: eval "$(strata completion zsh)"
_strata() {
  local -a verbs options paths
  local image="" word
  verbs=(
${described.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe verb verbs
    return
  fi
  if [[ $words[CURRENT] == -* ]]; then
    case $words[2] in
${cases.join("\n")}
    esac
    compadd -- $options
    return
  fi
  for word in "\${(@)words[3,CURRENT-1]}"; do
    [[ $word != -* ]] && { image=$word; break }
  done
  case $words[2] in
${partCases.join("\n")}
  esac
  if [[ -n $options && -z $image ]]; then
    compadd -- $options
  elif [[ -n $options ]]; then
    _files
  elif [[ -z $image ]]; then
    compadd -S '' -- ${PREFIXES.join(" ")}
    compset -P '*:'
    _files
  else
    paths=("\${(@f)$(strata __complete "$image" "$words[CURRENT]" 2> /dev/null)}")
    compadd -S '' -- $paths
    [[ $words[2] == cp ]] && _files
  fi
}
(( $+functions[compdef] )) && compdef _strata strata
`;
}

function fish({ verbs, options, parts }: CompletionWords): string {
  const names = verbs.map(({ name }) => name).join(" ");
  const verbLines = verbs.map(
    ({ name, summary }) =>
      `complete -c strata -n "not __fish_seen_subcommand_from ${names}" -f -a ${name} -d '${summary.replaceAll("'", "")}'`,
  );
  const optionLines = verbs.flatMap(({ name }) =>
    (options[name] ?? []).map(
      (option) => `complete -c strata -n "__fish_seen_subcommand_from ${name}" ${fishOption(option)}`,
    ),
  );
  const partLines = Object.entries(parts).map(
    ([name, words]) =>
      `complete -c strata -n "__fish_seen_subcommand_from ${name}; and not __fish_seen_subcommand_from ${words.join(" ")}" -f -a "${words.join(" ")}"`,
  );
  return `# fish completion for strata; write this to ~/.config/fish/completions/strata.fish
function __strata_paths
  set -l words (commandline -opc)
  for word in $words[3..-1]
    if not string match -q -- '-*' $word
      strata __complete $word (commandline -ct) 2> /dev/null
      return
    end
  end
end
${verbLines.join("\n")}
${optionLines.join("\n")}
complete -c strata -n "__fish_seen_subcommand_from ${names}" -a "(__strata_paths)"
${partLines.join("\n")}
`;
}

function fishOption(option: string): string {
  return option.startsWith("--") ? `-l ${option.slice(2)}` : `-s ${option.slice(1)}`;
}
