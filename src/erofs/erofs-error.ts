import { StrataError, toText } from "../base/index.ts";
import type { TreeTable } from "./tree-table.ts";

/** The image would need numbers that do not fit into the format. */
export function tooLarge(what: string): StrataError {
  return new StrataError({
    code: "erofs-too-large",
    kind: "unsupported",
    message: `An EROFS image with blocks of 512 bytes cannot hold ${what}`,
    hint: "Unpack the image into a directory instead",
  });
}

/** One file is something that no Linux file system can hold. */
export function unrepresentable(table: TreeTable, row: number, why: string): StrataError {
  return new StrataError({ code: "erofs-unrepresentable", kind: "unsupported", ...told(table, row, why) });
}

/** The data of one file is not where a layer's tar would have it. */
export function dataNotInTar(table: TreeTable, row: number, why: string): StrataError {
  return new StrataError({ code: "erofs-data-not-in-tar", kind: "failed-precondition", ...told(table, row, why) });
}

function told({ tree, layer }: TreeTable, row: number, why: string) {
  const entry = toText(tree.pathOf(row));
  return {
    message: `Cannot put "${entry}" into an EROFS image: ${why}`,
    details: { entry, layer: layer[row] as number },
  };
}
