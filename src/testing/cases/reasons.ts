import type { Variant } from "../conformance-case.ts";
import type { TarStep } from "../tar-script.ts";

/** Variants that many cases share: what sound tools do where the specification is silent. */

/** Tools that make the parents of every entry before they look what it is. */
export function MAKES_PARENTS(...tree: readonly TarStep[]): Variant {
  return { tree, because: "Makes the parent directories of markers, too; the specification is silent" };
}

/** Tools that unpack each layer into a directory of its own for a kernel overlay. */
export function OWN_DIRECTORIES(...tree: readonly TarStep[]): Variant {
  return {
    tree,
    because: "Unpacks each layer for itself: a parent without an entry is a new directory, 0755 and owned by root",
  };
}

/** {@link OWN_DIRECTORIES}, where a lower symlink stands in the way. */
export function OWN_DIRECTORY_OVER_SYMLINK(...tree: readonly TarStep[]): Variant {
  return {
    tree,
    because: "Unpacks each layer for itself and so does not see the symlink of the lower layer: a directory hides it",
  };
}

/** Tools that take a name that climbs above the root as one that stays at the root. */
export function CLAMPS(...tree: readonly TarStep[]): Variant {
  return { tree, because: "Takes `..` at the root as the root, as chroot does: also safe" };
}

/** Tools that refuse what they could contain. */
export function REFUSES(because: string): Variant {
  return { refusal: "any", because };
}

/** Tools that take a device 0:0 of an image for the kernel's own whiteout. */
export function KERNEL_WHITEOUT(...tree: readonly TarStep[]): Variant {
  return { tree, because: "Stores layers as overlay directories, where a device 0:0 is the kernel's whiteout" };
}
