import { addDetails } from "../base/index.ts";
import { type ArtifactSource, artifactOfImage } from "../image/index.ts";
import { parseSelector, type Selector } from "./image-name.ts";
import type { OpenSourceOptions } from "./open-options.ts";
import { type Entered, enter } from "./open-source.ts";

/**
 * Opens what that name leads to for copying: the graph of documents and blobs, with an index and all its platforms where
 * there is one. Where the place has no manifest, one is made of its image: then layers whose digests nobody tells are
 * read once. The caller disposes the source.
 *
 * @throws StrataError with `details.image` = `name`, as `openSource`
 */
export async function openArtifact(name: string, options: OpenSourceOptions = {}): Promise<ArtifactSource> {
  const entered = await enter(name, options);
  try {
    const artifact = await artifactIn(entered, { name, selector: entered.where.selector });
    return { ...artifact, [Symbol.asyncDispose]: entered.dispose };
  } catch (error) {
    await entered.dispose();
    throw addDetails(error, { image: name });
  }
}

/** All that a place offers for copying; see {@link openArtifacts}. */
export interface ArtifactPlace extends AsyncDisposable {
  /** In the order of the place; end with the place. */
  readonly artifacts: readonly ArtifactSource[];
}

/**
 * {@link openArtifact} for every image of the place, or only for the one that the name selects. The place is opened once:
 * standard input will do. The caller disposes it.
 */
export async function openArtifacts(name: string, options: OpenSourceOptions = {}): Promise<ArtifactPlace> {
  const entered = await enter(name, options);
  const { place, where, dispose } = entered;
  try {
    const selectors =
      where.selector === undefined
        ? (await place.list()).map(({ selector }) => parseSelector(selector.replace(/^:/, "")))
        : [where.selector];
    const artifacts: ArtifactSource[] = [];
    for (const selector of selectors) artifacts.push(await artifactIn(entered, { name, selector }));
    return { artifacts, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw addDetails(error, { image: name });
  }
}

/** One artifact of a place, which disposes it. */
async function artifactIn(
  { place, options }: Entered,
  { name, selector }: { readonly name: string; readonly selector: Selector | undefined },
): Promise<ArtifactSource> {
  const dispose = async (): Promise<void> => {};
  const common = { reference: name, transport: place.transport };
  const placed = await place.openArtifact?.(selector);
  if (placed !== undefined) return { ...placed, ...common, [Symbol.asyncDispose]: dispose };
  const image = await place.open(selector);
  const { platform, hostPlatform, scratch, signal, limits } = options;
  const made = { platform: platform ?? hostPlatform, expansion: limits.expansion, scratch, signal, dispose };
  return await artifactOfImage(image, { ...common, ...made });
}
