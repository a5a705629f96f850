/** A text and the characters it takes on the terminal. */
export interface Cell {
  readonly text: string;
  readonly width: number;
}

const GAP = 2;
const MIN_CELL = 1 + GAP;

/** Cells as `ls` arranges names: down the columns, as few lines as fit into `width`. Each line ends with a newline. */
export function arrangeColumns(cells: readonly Cell[], width: number): string {
  const most = Math.max(1, Math.min(cells.length, Math.floor((width + GAP) / MIN_CELL)));
  for (let columns = most; columns > 1; columns--) {
    const rows = Math.ceil(cells.length / columns);
    if (Math.ceil(cells.length / rows) !== columns) continue;
    const widths = columnWidths(cells, rows);
    const total = widths.reduce((sum, one) => sum + one, 0) + GAP * (widths.length - 1);
    if (total <= width) return layOut(cells, rows, widths);
  }
  return cells.map(({ text }) => `${text}\n`).join("");
}

function columnWidths(cells: readonly Cell[], rows: number): number[] {
  const widths: number[] = [];
  cells.forEach(({ width }, i) => {
    const column = Math.floor(i / rows);
    widths[column] = Math.max(widths[column] ?? 0, width);
  });
  return widths;
}

function layOut(cells: readonly Cell[], rows: number, widths: readonly number[]): string {
  let text = "";
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < widths.length; column++) {
      const cell = cells[column * rows + row];
      if (cell === undefined) continue;
      const isLast = cells[(column + 1) * rows + row] === undefined;
      text += isLast ? cell.text : cell.text + " ".repeat((widths[column] ?? 0) - cell.width + GAP);
    }
    text += "\n";
  }
  return text;
}
