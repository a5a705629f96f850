import type { ListedLayer } from "../../image/index.ts";
export async function listRootfs(_d: string, _o?: object): Promise<ListedLayer> {
  throw new Error("later");
}
