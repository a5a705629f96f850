import type { CheckOptions, Repair } from "../fault.ts";
import type { StoreParts } from "../store-parts.ts";

export async function* repairStore(_parts: StoreParts, _options: CheckOptions): AsyncGenerator<Repair> {}
