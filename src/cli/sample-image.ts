import { fileURLToPath } from "node:url";

/** Path of the example image in the package. All files of the built command lie in `dist/cli`, as deep as this one. */
export function sampleImage(): string {
  return fileURLToPath(new URL("../../examples/layers/image.tar", import.meta.url));
}
