import { StrataError } from "../../base/index.ts";
import { describeSelector, findByName, imageNotFound, severalImages } from "../choose-image.ts";
import type { Selector } from "../image-name.ts";
import type { ImagePlace, ListedImage } from "../image-place.ts";
import { readMember } from "../members.ts";
import type { ResolvedOptions } from "../open-options.ts";
import type { TarMembers } from "../tar-members.ts";
import { parseDockerManifest } from "./docker-manifest.ts";
import { openLegacyImage, parseRepositories, topImages } from "./legacy-image.ts";
import { openSavedArtifact, type SavedImage } from "./saved-artifact.ts";
import { configDigestOf, openSavedImage } from "./saved-image.ts";

/**
 * The images of what `docker save` writes. `manifest.json` decides where it is; archives from before docker 1.10
 * have only `repositories`, or nothing but images by id. The members belong to the place.
 */
export async function openDockerArchivePlace(members: TarMembers, options: ResolvedOptions): Promise<ImagePlace> {
  const images = (await savedImages(members, options)) ?? (await legacyImages(members, options));
  if (images.length === 0) throw notADockerArchive(members);
  const listed = images.map(({ names, digest }, position): ListedImage => {
    const [name] = names;
    return { names, digest, platforms: [], selector: name === undefined ? `:@${position}` : `:${name}` };
  });
  return {
    transport: "docker-archive",
    list: async () => listed,
    open: (selector) => choose(images, listed, selector).open(),
    openArtifact: (selector) => openSavedArtifact(members, choose(images, listed, selector), options),
    [Symbol.asyncDispose]: () => members[Symbol.asyncDispose](),
  };
}

async function savedImages(members: TarMembers, options: ResolvedOptions): Promise<SavedImage[] | undefined> {
  const maxBytes = options.limits.maxDocumentBytes;
  const bytes = await readMember(members, "manifest.json", { what: "manifest.json", maxBytes });
  if (bytes === undefined) return undefined;
  return parseDockerManifest(bytes, maxBytes).map((item) => ({
    names: item.RepoTags,
    digest: configDigestOf(item),
    open: () => openSavedImage(members, item, options),
  }));
}

async function legacyImages(members: TarMembers, options: ResolvedOptions): Promise<SavedImage[]> {
  const maxBytes = options.limits.maxDocumentBytes;
  const bytes = await readMember(members, "repositories", { what: "repositories file", maxBytes });
  const namesById = new Map<string, string[]>();
  if (bytes === undefined) {
    for (const id of await topImages(members, imageIds(members), maxBytes)) namesById.set(id, []);
  } else {
    for (const [name, id] of parseRepositories(bytes, maxBytes))
      namesById.set(id, [...(namesById.get(id) ?? []), name]);
  }
  return [...namesById].map(([id, names]) => ({
    names,
    digest: undefined,
    open: () => openLegacyImage(members, { id, names }, options),
  }));
}

/** The images by id: the layout before `repositories` was there, or without it. */
function imageIds(members: TarMembers): string[] {
  return [...members.names()].flatMap((name) => /^([^/]+)\/json$/.exec(name)?.[1] ?? []);
}

function choose(
  images: readonly SavedImage[],
  listed: readonly ListedImage[],
  selector: Selector | undefined,
): SavedImage {
  if (selector === undefined) {
    const [only, ...others] = images;
    if (only !== undefined && others.length === 0) return only;
    throw severalImages(listed);
  }
  const found = select(images, selector);
  if (found !== undefined) return found;
  throw imageNotFound(describeSelector(selector), listed);
}

function select(images: readonly SavedImage[], selector: Selector): SavedImage | undefined {
  switch (selector.kind) {
    case "position":
      return images[selector.position];
    case "digest":
      return images.find(({ digest }) => digest === selector.digest);
    case "name":
      return findByName(images, selector.name, ({ names }) => names)[0];
  }
}

function notADockerArchive({ place }: TarMembers): StrataError {
  return new StrataError({
    code: "not-a-docker-archive",
    kind: "malformed",
    message: `${place} holds no image of docker: it has neither a manifest.json with images nor images by id`,
    hint: "Leave the transport out to have the format detected",
  });
}
