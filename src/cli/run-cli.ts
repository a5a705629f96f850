import { type Command, CommanderError } from "commander";
import { firstError, StrataError } from "../base/index.ts";
import { exitCodeOf } from "./exit-code.ts";
import { OutputClosed } from "./output.ts";
import { printError } from "./print-error.ts";
import { StdinAwareCommand } from "./stdin-operand.ts";
import type { ColorChoice, Terminal } from "./terminal.ts";
import { VERBS } from "./verbs.ts";

/**
 * Runs a command line, without the name of the program, and returns the exit code. Never throws: errors are printed.
 */
export async function runCli(words: readonly string[], terminal: Terminal, version: string): Promise<number> {
  const args = words[0] === "help" ? [...words.slice(1), "--help"] : words;
  try {
    const program = createProgram(terminal, version);
    await program.parseAsync(await configureVerb(program, args, terminal), { from: "user" });
    await terminal.stdout.flush();
    return terminal.exitCode;
  } catch (error) {
    return await fail(firstError(error), args, terminal);
  }
}

/** The whole command: all verbs by name, none of them loaded. */
function createProgram(terminal: Terminal, version: string): Command {
  const program = new StdinAwareCommand("strata")
    .description(
      "Opens container images: reads, copies and keeps them, and shows their layers as one file system. No daemon, no root.",
    )
    .usage("VERB IMAGE [ARGUMENT…] [OPTION…]")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "show help; `strata VERB --help` shows a verb's")
    .helpCommand(false)
    .addHelpText("after", PROGRAM_HELP)
    .showSuggestionAfterError(true)
    .exitOverride()
    .enablePositionalOptions()
    .configureHelp({ visibleArguments: () => [], subcommandTerm: (command) => command.name() })
    .configureOutput({
      writeOut: (text) => terminal.stdout.text(text),
      writeErr: () => {},
      outputError: () => {},
      getOutHelpWidth: () => terminal.columns ?? 100,
      getOutHasColors: () => false,
    });
  for (const verb of VERBS) {
    program
      .command(verb.name, { hidden: verb.isHidden === true })
      .summary(verb.summary)
      .helpOption("--help", "show this help")
      .configureHelp({ visibleArguments: () => [] })
      .hook("preAction", (_, called) => terminal.adopt(called.opts<{ color?: ColorChoice; quiet?: boolean }>()));
  }
  return program;
}

const PROGRAM_HELP = `
An IMAGE is
  NAME or ID                     in the local store, which \`pull\` and \`load\` fill
  FILE or DIRECTORY              whose format is recognised
  docker://REFERENCE             in a registry
  docker-archive:FILE[:REF]      what \`docker save\` writes, of every era
  oci:DIRECTORY[:REF]            an OCI image layout
  oci-archive:FILE[:REF]         the same in a tar
  docker-root:DIRECTORY#REF      in dockerd's data root, without dockerd
  containers-storage:REF         in podman's storage
  dir:DIRECTORY                  a root file system
  -                              any archive from stdin

Examples:
  strata tour
  strata pull debian:bookworm && strata ls -l debian:bookworm /etc
  docker save nginx | strata ls -l - /etc/nginx
  strata blame nginx.tar /etc/passwd
  strata copy docker-archive:app.tar docker://localhost:5000/app:1
`;

/** Loads the verb that the words name, and returns the words that commander should see. */
async function configureVerb(
  program: Command,
  args: readonly string[],
  terminal: Terminal,
): Promise<readonly string[]> {
  const at = args.findIndex((argument) => !argument.startsWith("-"));
  const verb = VERBS.find(({ name }) => name === args[at]);
  if (verb === undefined) return args;
  const after = args.slice(at + 1);
  const { own, expression } = (await verb.split?.(after)) ?? { own: after, expression: [] };
  for (const each of verb.needsAll === true ? VERBS : [verb]) {
    const command = program.commands.find((candidate) => candidate.name() === each.name);
    if (command !== undefined) (await each.load())(command, terminal, expression);
  }
  return [...args.slice(0, at + 1), ...own];
}

async function fail(error: unknown, args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return await finish(terminal);
      return await fail(usageError(error, args), args, terminal);
    }
    if (error instanceof OutputClosed) return 0;
    // What was found before the error is still true, and should come before it.
    if (!terminal.signal.aborted) await terminal.stdout.flush();
    await printError(error, args.includes("--json"), terminal);
    return exitCodeOf(error);
  } catch (second) {
    return exitCodeOf(second);
  }
}

async function finish(terminal: Terminal): Promise<number> {
  await terminal.stdout.flush();
  return 0;
}

/** Commander's `error: MESSAGE\n(Did you mean X?)` as one of ours. */
function usageError({ message, code }: CommanderError, args: readonly string[]): StrataError {
  const [first = "", suggestion] = message.replace(/^error: /, "").split("\n");
  const words = ["strata", ...args.slice(0, 1), "--help"].join(" ");
  const hint = code === "commander.help" ? `\`${words}\` lists the verbs` : suggestion?.replace(/^\(|\)$/g, "");
  return new StrataError({
    code: "invalid-usage",
    kind: "invalid-argument",
    message: code === "commander.help" ? "A verb is missing" : first,
    hint: hint ?? "`strata VERB --help` shows what it takes",
  });
}
