/** The examples at the end of a verb's help. */
export function examples(...lines: readonly (readonly [command: string, meaning: string])[]): string {
  const width = Math.max(...lines.map(([command]) => command.length));
  const text = lines.map(([command, meaning]) => `  ${command.padEnd(width)}   ${meaning}`);
  return `\nExamples:\n${text.join("\n")}\n`;
}
