import { toText } from "../base/index.ts";
import type { LayerIndex } from "./layer-index.ts";

/** The name and offset of an entry, for the details of errors. */
export function whereIs(index: LayerIndex, entry: number): { readonly entry: string; readonly offset: number } {
  return { entry: toText(index.name(entry)), offset: index.columns.headerOffset[entry] as number };
}
