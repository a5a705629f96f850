const ESCAPES = /\x1b\[[0-9;]*m/g;

/** Characters that a text takes on a terminal: escape sequences count for nothing. */
export function widthOf(text: string): number {
  const plain = text.replace(ESCAPES, "");
  return /^[\x20-\x7e]*$/.test(plain) ? plain.length : [...plain].length;
}

/** Fills up to a width, at the end or, to align right, at the start. */
export function pad(text: string, width: number, side: "left" | "right" = "left"): string {
  const fill = " ".repeat(Math.max(0, width - widthOf(text)));
  return side === "left" ? text + fill : fill + text;
}

/** Rows as lines with aligned columns, two blanks between them, nothing at the end of lines. `>` in `alignment` aligns right. */
export function formatTable(rows: readonly (readonly string[])[], alignment: string): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, widthOf(cell));
  }
  const lines = rows.map((row) =>
    row
      .map((cell, i) => pad(cell, widths[i] ?? 0, alignment[i] === ">" ? "right" : "left"))
      .join("  ")
      .trimEnd(),
  );
  return lines.map((line) => `${line}\n`).join("");
}
