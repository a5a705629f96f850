import type { RawDocument } from "../../image/index.ts";
import { type Descriptor, type Digest, parseManifest } from "../../oci/index.ts";
import type { LayoutRoot } from "./layout-index.ts";

/**
 * What one writer enters into a layout's `index.json`: the roots that are named and, without a name, documents with a
 * subject that no index lists, because in a layout nothing else leads to a signature.
 */
export class LayoutRoots {
  readonly #roots: LayoutRoot[] = [];
  readonly #withSubject = new Map<Digest, LayoutRoot>();
  readonly #listed = new Set<Digest>();

  addDocument({ mediaType, digest, bytes }: RawDocument): void {
    const document = parseManifest(bytes, { what: `manifest ${digest}`, mediaType });
    if (document.kind === "index") for (const child of document.manifests) this.#listed.add(child.digest);
    if (document.subject === undefined) return;
    this.#withSubject.set(digest, { descriptor: { mediaType, digest, size: bytes.length }, name: undefined });
  }

  /** Without names the root is entered once, as it is. */
  name(descriptor: Descriptor, names: readonly string[]): void {
    this.#listed.add(descriptor.digest);
    const each = names.length === 0 ? [undefined] : [...new Set(names)];
    this.#roots.push(...each.map((name) => ({ descriptor, name })));
  }

  list(): readonly LayoutRoot[] {
    const lone = [...this.#withSubject].flatMap(([digest, root]) => (this.#listed.has(digest) ? [] : root));
    return [...this.#roots, ...lone];
  }
}
