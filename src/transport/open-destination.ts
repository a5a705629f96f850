import { addDetails } from "../base/index.ts";
import type { ImageDestination } from "../image/index.ts";
import type { StandardOutput } from "./archive/archive-sink.ts";
import { type DestinationName, parseDestinationName } from "./destination-name.ts";
import { openDockerArchiveDestination } from "./docker-archive/docker-archive-destination.ts";
import { openOciArchiveDestination } from "./oci-layout/archive-destination.ts";
import { openLayoutDestination } from "./oci-layout/layout-destination.ts";
import { openRegistryDestination } from "./registry/registry-destination.ts";
import { parseRegistryName } from "./registry/registry-name.ts";
import type { RegistryOptions } from "./registry/registry-options.ts";

/** How to open a destination. */
export interface OpenDestinationOptions {
  /** How registries are spoken to; anonymously and with certificates that are valid unless given. */
  readonly registry?: RegistryOptions | undefined;
  /** What `-` stands for as the path of an archive. */
  readonly stdout?: StandardOutput | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens the place of that name for writing: `oci:DIRECTORY[:NAME]`, `oci-archive:FILE[:NAME]`,
 * `docker-archive:FILE[:NAME]`, `docker://REFERENCE`. Nothing that was there changes before it is finished.
 * The caller disposes it.
 *
 * @throws StrataError with `details.image` = `name`
 */
export async function openDestination(name: string, options: OpenDestinationOptions = {}): Promise<ImageDestination> {
  try {
    return await open(parseDestinationName(name), options);
  } catch (error) {
    throw addDetails(error, { image: name });
  }
}

async function open(
  where: DestinationName,
  { registry, stdout, signal }: OpenDestinationOptions,
): Promise<ImageDestination> {
  const { text: reference, transport, path, name } = where;
  switch (transport) {
    case "oci":
      return await openLayoutDestination({ reference, directory: path, name, signal });
    case "oci-archive":
      return await openOciArchiveDestination({ reference, path, name, stdout });
    case "docker-archive":
      return await openDockerArchiveDestination({ reference, path, name, stdout });
    case "docker":
      return openRegistryDestination(parseRegistryName(path), { registry, signal });
  }
}
