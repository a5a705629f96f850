import { Command, type ParseOptionsResult } from "commander";

/** `-` with something after it that no option can begin with: `-:REF`, `-@DIGEST`, `-:/path`. */
const STDIN_OPERAND = /^-[:@]/;

/** A character that no command line can hold, put before such words while commander looks for options. */
const GUARD = "\0";

/** A command that takes `-:REF` for what it is: an image from standard input, not an option. */
export class StdinAwareCommand extends Command {
  override createCommand(name?: string): Command {
    return new StdinAwareCommand(name);
  }

  override parseOptions(argv: string[]): ParseOptionsResult {
    const guarded = argv.map((word) => (STDIN_OPERAND.test(word) ? GUARD + word : word));
    const { operands, unknown } = super.parseOptions(guarded);
    return { operands: operands.map(unguard), unknown: unknown.map(unguard) };
  }
}

function unguard(word: string): string {
  return word.startsWith(GUARD) ? word.slice(GUARD.length) : word;
}
