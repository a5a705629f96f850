import type { TableTree } from "../../src/union/index.ts";

/** Every number and name of a table, to be compared with another's. */
export function rowsOf({ columns, names, inodeCount }: TableTree): unknown {
  return { ...columns, names: names.toString("latin1"), inodeCount };
}
