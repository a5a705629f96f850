import type { CheckOptions, Fault } from "../fault.ts";
import type { StoreParts } from "../store-parts.ts";

export async function* checkStore(_parts: StoreParts, _options: CheckOptions): AsyncGenerator<Fault> {}
