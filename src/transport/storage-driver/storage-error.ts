import { StrataError } from "../../base/index.ts";

/** A file of an engine's own records that does not hold what it should. Its contents are never repeated. */
export function malformedStorage(path: string, fault: string, cause?: unknown): StrataError {
  return new StrataError({
    code: "storage-malformed",
    kind: "malformed",
    message: `${path} is broken: ${fault}`,
    details: { path },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** A layer that the records name and that is not there, wholly or in part. */
export function missingLayer(path: string, layer: string, fault: string): StrataError {
  return new StrataError({
    code: "storage-layer-missing",
    kind: "not-found",
    message: `The layer ${layer} is incomplete: ${path} ${fault}`,
    details: { path, chainID: layer },
    hint: "The directory may be a part of a data root only, or the engine was killed while it stored the layer",
  });
}

/** A layer whose parents lead back to it. */
export function layerLoop(path: string, layer: string): StrataError {
  return new StrataError({
    code: "storage-layer-loop",
    kind: "hostile",
    message: `The parents of the layer ${layer} form a loop`,
    details: { path, chainID: layer },
  });
}

/** Several drivers with images under one root. */
export function severalDrivers(path: string, drivers: readonly string[]): StrataError {
  return new StrataError({
    code: "several-drivers",
    kind: "invalid-argument",
    message: `${path} has images of several storage drivers: ${drivers.join(", ")}`,
    details: { path, drivers },
    hint: `Choose one before the image, for example #${drivers[0]}@IMAGE`,
  });
}

/** A driver whose layers are no directories, or that nobody knows. */
export function unsupportedDriver(path: string, driver: string): StrataError {
  return new StrataError({
    code: "unsupported-storage-driver",
    kind: "unsupported",
    message: `Cannot read the layers in ${path}: the storage driver ${JSON.stringify(driver)} does not keep them as plain directories`,
    details: { path, driver },
    hint: "Save the image with the engine itself, and open the archive",
  });
}

/** An image that the names speak of and that is not there. */
export function missingImage(path: string, id: string): StrataError {
  return new StrataError({
    code: "storage-image-missing",
    kind: "not-found",
    message: `The configuration of the image ${id} is missing: there is no ${path}`,
    details: { path, digest: id },
    hint: "The directory may be a part of a data root only",
  });
}
