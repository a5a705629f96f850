import { StrataError } from "../base/index.ts";
import type { PlacedImage } from "../image/index.ts";
import { ANNOTATION, formatPlatform, platformDistance } from "../oci/index.ts";
import { withAnnotations } from "./edit-config.ts";
import { createdOf, type EditContext } from "./edit-context.ts";
import { type ImageStep, stepsOf, withSteps } from "./image-steps.ts";

/** On what an image is to stand instead. */
export interface RebaseImage {
  /** What the image was made from; its layers are the first of the image's. */
  readonly oldBase: PlacedImage;
  readonly newBase: PlacedImage;
  /** The name of the new base, for the annotations. */
  readonly newBaseName?: string | undefined;
}

/**
 * Puts the layers that an image has above its base on another base. No layer is read: whether they fit there, `assertLayersFit`
 * tells. The configuration stays the image's own, and the history tells of the new base, then of the image's own
 * steps. The annotations `org.opencontainers.image.base.digest` and `.name` tell of the new base.
 *
 * @throws StrataError `not-the-base`, with the first layer that differs; `platform-mismatch`
 */
export function rebaseImage(
  image: PlacedImage,
  { oldBase, newBase, newBaseName }: RebaseImage,
  ctx: Pick<EditContext, "created">,
): PlacedImage {
  assertBase(image, oldBase);
  assertSamePlatform(image, newBase);
  const own = stepsAbove(image, oldBase);
  const rebased = withSteps(image, [...stepsOf(newBase), ...own], { created: createdOf(ctx) });
  const base = {
    [ANNOTATION.baseDigest]: newBase.manifest?.digest ?? null,
    [ANNOTATION.baseName]: newBaseName ?? null,
  };
  return withAnnotations(rebased, base);
}

/** Refuses what the image was not made from. @throws StrataError `not-the-base` */
function assertBase(image: PlacedImage, base: PlacedImage): void {
  const number = base.layers.findIndex(({ diffId }, i) => diffId === undefined || diffId !== image.layers[i]?.diffId);
  if (number < 0) return;
  const [theirs, ours] = [base.layers[number]?.diffId ?? "unknown", image.layers[number]?.diffId];
  throw new StrataError({
    code: "not-the-base",
    kind: "failed-precondition",
    message: `The image does not stand on that base: layer ${number} of the base is ${theirs}, but ${
      ours === undefined ? "the image has no such layer" : `that of the image is ${ours}`
    }`,
    details: { layer: number, diffId: theirs },
    hint: "Name the base that the image was made from, by its digest if its tag has moved",
  });
}

function assertSamePlatform({ platform: ours }: PlacedImage, { platform: theirs }: PlacedImage): void {
  if (ours === undefined || theirs === undefined) return;
  // A base with the fixes of a later build of Windows is what one rebases for.
  const { "os.version": _, ...any } = ours;
  if (platformDistance(any, theirs) !== undefined) return;
  throw new StrataError({
    code: "platform-mismatch",
    kind: "failed-precondition",
    message: `The image is for ${formatPlatform(ours)}, but the new base for ${formatPlatform(theirs)}`,
    details: { platforms: [formatPlatform(ours), formatPlatform(theirs)] },
    hint: `Choose the new base's image for ${formatPlatform(ours)}`,
  });
}

/** The steps that are not the base's: those after its last layer, and after what else its history tells. */
function stepsAbove(image: PlacedImage, base: PlacedImage): readonly ImageStep[] {
  const steps = stepsOf(image);
  const known = stepsOf(base);
  let at = 0;
  for (let left = base.layers.length; left > 0; at++) if (steps[at]?.layer !== undefined) left--;
  let told = known.findLastIndex(({ layer }) => layer !== undefined) + 1;
  while (told < known.length && isSameStep(steps[at], known[told] as ImageStep)) {
    at++;
    told++;
  }
  return steps.slice(at);
}

function isSameStep(step: ImageStep | undefined, { entry }: ImageStep): boolean {
  if (step === undefined || step.layer !== undefined) return false;
  return ["created", "created_by", "comment"].every((member) => step.entry[member] === entry[member]);
}
