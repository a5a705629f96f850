import { addDetails } from "../base/index.ts";
import { createLocalScratch } from "../content/index.ts";
import type { ImageSource } from "../image/index.ts";
import { parseImageName } from "./image-name.ts";
import type { ImagePlace, ListedImage } from "./image-place.ts";
import { type OpenSourceOptions, type ResolvedOptions, resolveOptions } from "./open-options.ts";
import { openPlace } from "./open-place.ts";
import { type ResolvedPath, resolvePath } from "./resolve-path.ts";

/**
 * Opens the image of that name: `TRANSPORT:PATH[:SELECTOR]`, a path whose format is detected, or `-`.
 * Documents are read and verified, layers are not touched. The caller disposes the source.
 *
 * @throws StrataError with `details.image` = `name`; `several-images`, `platform-not-found` and `image-not-found` say
 * what there is to choose from.
 */
export async function openSource(name: string, options: OpenSourceOptions = {}): Promise<ImageSource> {
  const { place, where, dispose } = await enter(name, options);
  try {
    const image = await place.open(where.selector);
    return { ...image, reference: name, transport: place.transport, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw addDetails(error, { image: name });
  }
}

/** The images of the place that the name leads to, whatever it selects there. @throws StrataError as {@link openSource} */
export async function listImages(name: string, options: OpenSourceOptions = {}): Promise<readonly ListedImage[]> {
  const { place, dispose } = await enter(name, options);
  try {
    return await place.list();
  } catch (error) {
    throw addDetails(error, { image: name });
  } finally {
    await dispose();
  }
}

/** A place with the way to it; disposing ends the place, then the scratch if it is ours. */
export interface Entered {
  readonly place: ImagePlace;
  readonly where: ResolvedPath;
  /** With the scratch that is disposed at the end. */
  readonly options: ResolvedOptions;
  readonly dispose: () => Promise<void>;
}

/** Opens the place that a name leads to. Whoever entered disposes. @throws StrataError with `details.image` = `text` */
export async function enter(text: string, options: OpenSourceOptions): Promise<Entered> {
  const ownScratch = options.scratch === undefined ? createLocalScratch() : undefined;
  const disposeScratch = async (): Promise<void> => await ownScratch?.[Symbol.asyncDispose]();
  try {
    const name = parseImageName(text);
    const where = await resolvePath(name, options);
    const scratch = options.scratch ?? ownScratch ?? createLocalScratch();
    const resolved = resolveOptions(options, scratch);
    const place = await openPlace(name, where, resolved);
    const dispose = async (): Promise<void> => {
      await place[Symbol.asyncDispose]();
      await disposeScratch();
    };
    return { place, where, options: resolved, dispose };
  } catch (error) {
    await disposeScratch();
    throw addDetails(error, { image: text });
  }
}
