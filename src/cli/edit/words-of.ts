import type { Command, Option } from "commander";

/**
 * The verb with what was asked of it, which the history of the new image tells. Options from `--tag` on say where things are
 * and how they are told: they are no part of the image.
 */
export function wordsOf(command: Command): string[] {
  const { options } = command;
  const asked = options.slice(
    0,
    options.findIndex(({ long }) => long === "--tag"),
  );
  return [command.name(), ...asked.flatMap((option) => wordsOfOption(option, command))];
}

function wordsOfOption(option: Option, command: Command): string[] {
  const name = option.attributeName();
  if (command.getOptionValueSource(name) !== "cli") return [];
  const value: unknown = command.getOptionValue(name);
  const flag = option.long ?? "";
  return value === true ? [flag] : [value].flat().flatMap((one) => [flag, String(one)]);
}
