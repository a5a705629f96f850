import { StrataError } from "./base/index.ts";
import type { Held } from "./held.ts";

/**
 * Refuses an image, or a draft of it, whose bytes are not held open any more.
 * @param image as the user wrote it
 * @throws StrataError `image-disposed`
 */
export function assertNotDisposed({ isDisposed }: Held, image: string): void {
  if (!isDisposed) return;
  throw new StrataError({
    code: "image-disposed",
    kind: "failed-precondition",
    message: `The image ${image}, or a draft of it, is used after it was disposed`,
    details: { image },
    hint: "Dispose it when everything that came of it is done: all drafts of one image end together",
  });
}
