/**
 * transport: the places where images live, one folder for each.
 *
 * {@link openSource} turns a name into an `ImageSource`; {@link listImages} tells what a place holds. A name is
 *
 * - `docker-archive:FILE[:NAME|:@POSITION]`: what `docker save` and `podman save` write, of every era
 * - `oci:DIRECTORY[:NAME|:@POSITION|@DIGEST]`, `oci-archive:FILE[…]`: an OCI layout, loose or as a tar
 * - `dir:DIRECTORY`: a root file system as an image of one layer; or skopeo's `dir:`, known by its `version` file
 * - `tar:FILE`: a bare layer, compressed or not, as an image of one layer
 * - `docker://[HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]`: a registry; layers are downloaded when they are read, once each
 * - `docker-root:DIRECTORY[#[DRIVER@]REF|#[DRIVER@]container:ID]`: the data root of a docker daemon, without the daemon
 * - `containers-storage:[[DRIVER@]ROOT]REF`, `containers-storage:ROOT#REF`: where podman, buildah and skopeo keep images
 * - any of these paths alone, or `-` for standard input: the format is detected
 *
 * Every file may be compressed as a whole, or be a pipe: then it is spooled once to temporary space. A plain file is
 * read where it lies, by its headers only. Inside, a `ImagePlace` is what every transport makes of a path.
 *
 * Copying: {@link openArtifact} opens the same places as graphs of documents and blobs, {@link openDestination} those that
 * can be written, {@link copyArtifact} brings one to the other.
 *
 * @example
 * await using source = await openSource("oci:layout:v1", { platform: parsePlatform("linux/arm64") });
 * for (const layer of source.layers) console.log(layer.name, layer.diffId);
 *
 * @module
 */

export { copyArtifact } from "./copy/copy-artifact.ts";
export type { CopyOptions, CopyResult, ImageFormat, LayerCompression } from "./copy/copy-options.ts";
export {
  DESTINATION_TRANSPORTS,
  type DestinationName,
  type DestinationTransport,
  parseDestinationName,
} from "./destination-name.ts";
export {
  hasTransport,
  type ImageName,
  parseImageName,
  parseSelector,
  type Selector,
  TRANSPORTS,
  type Transport,
} from "./image-name.ts";
export type { ListedImage } from "./image-place.ts";
export { leadsToTree } from "./leads-to-tree.ts";
export { type ArtifactPlace, openArtifact, openArtifacts } from "./open-artifact.ts";
export { type OpenDestinationOptions, openDestination } from "./open-destination.ts";
export type { OpenSourceOptions } from "./open-options.ts";
export { listImages, openSource } from "./open-source.ts";
export {
  type Credential,
  type StoredCredential,
  type StoredLogin,
  usernameOf,
} from "./registry/auth/credential-store.ts";
export { createDockerConfigCredentials, type DockerConfigOptions } from "./registry/auth/docker-config-credentials.ts";
export { type LoginOptions, login } from "./registry/auth/login.ts";
export { type DeleteOptions, deleteManifest, deleteTag } from "./registry/delete-manifest.ts";
export { type ListReferrersOptions, listReferrers } from "./registry/list-referrers.ts";
export { type ListTagsOptions, listTags } from "./registry/list-tags.ts";
export { openRegistryDestination, type RegistryDestinationOptions } from "./registry/registry-destination.ts";
export { parseRegistryName } from "./registry/registry-name.ts";
export {
  DEFAULT_TRANSFER,
  type RegistryOptions,
  type RetryEvent,
  type TransferOptions,
} from "./registry/registry-options.ts";
export { leadsToPath } from "./resolve-path.ts";
export { createDirectory, type DestinationKind, destinationKind } from "./rootfs/destination-kind.ts";
export { writeFileAtomically } from "./rootfs/write-file.ts";
export { type TreeMember, type WriteTreeOptions, writeTree } from "./rootfs/write-tree.ts";
