import { type ByteSource, type FileTime, isLater, isSameTime, readAll } from "../base/index.ts";
import type { ImageLayer, LayerSource, PlacedImage } from "../image/index.ts";
import type { LayerIndex } from "../layer/index.ts";
import { ANNOTATION } from "../oci/index.ts";
import { type Retime, retimeHeader } from "../tar/index.ts";
import { configDocument, type RawObject } from "./document.ts";
import type { EditContext } from "./edit-context.ts";
import { type ImageStep, stepsOf, withSteps } from "./image-steps.ts";
import type { LoadFiles } from "./loaded-files.ts";
import { assertPresent, asTars } from "./rewrite-layers.ts";
import { spliceTar, type TarSplice } from "./rewrite-tar.ts";
import { writeLayer } from "./write-layer.ts";

/** What times become. */
export interface NormalTimes {
  readonly time: FileTime;
  /** `clamp`: times that are later become `time`. `set`: all do. Default: `clamp`. */
  readonly mode?: "clamp" | "set" | undefined;
}

/**
 * Makes two images that were built at different times the same: times of modification, access and change of all entries of all
 * layers, and those of the configuration, its history and the manifest's annotation of creation, are clamped or set. All else
 * keeps its bytes; layers in which nothing changes stay as they are. Of the context, `created`, `step` and `clampTime` mean nothing
 * here.
 *
 * @throws StrataError `layer-absent` when the bytes of a layer are not here; as `writeLayer`
 */
export async function normaliseTimes(
  image: PlacedImage,
  files: LoadFiles,
  { time, mode = "clamp" }: NormalTimes,
  ctx: EditContext,
): Promise<PlacedImage> {
  const retime: Retime = (before) => (mode === "set" || isLater(before, time) ? time : before);
  const { layers } = await files();
  assertPresent(layers, "normalise the times of the image");
  const tars = await asTars(layers, ctx);
  const steps: ImageStep[] = [];
  let number = 0;
  for (const { entry, layer } of stepsOf(image)) {
    const made = layer === undefined ? undefined : await retimeLayer(layer, tars[number++] as ImageLayer, retime, ctx);
    steps.push({ entry: { ...entry, ...createdIn(entry, retime) }, layer: made });
  }
  const { annotations } = image;
  const created = annotations?.[ANNOTATION.created];
  return withSteps(
    created === undefined
      ? image
      : { ...image, annotations: { ...annotations, [ANNOTATION.created]: retimeText(created, retime) } },
    steps,
    createdIn(configDocument(image), retime),
  );
}

async function retimeLayer(
  source: LayerSource,
  layer: ImageLayer,
  retime: Retime,
  ctx: EditContext,
): Promise<LayerSource> {
  const { tar, index } = layer;
  if (tar === undefined || !(await isMoved(index, tar, retime))) return source;
  return (await writeLayer(spliceTar(tar, headersOf(index, retime), ctx.signal), { ...ctx, clampTime: undefined }))
    .source;
}

/** Whether any time of a layer changes. Most often the table of contents tells. */
async function isMoved(index: LayerIndex, tar: ByteSource, retime: Retime): Promise<boolean> {
  for (let entry = 0; entry < index.count; entry++) {
    const time = index.mtime(entry);
    if (!isSameTime(retime(time), time)) return true;
  }
  for (const { start, end } of headersOf(index, retime)) {
    const header = await readAll(tar, { start, end });
    if (!retimeHeader(header, retime).equals(header)) return true;
  }
  return false;
}

function* headersOf({ count, columns }: LayerIndex, retime: Retime): Generator<TarSplice & { readonly end: number }> {
  for (let entry = 0; entry < count; entry++) {
    yield {
      start: columns.headerOffset[entry] as number,
      end: columns.dataOffset[entry] as number,
      patch: (header) => retimeHeader(header, retime),
    };
  }
}

/** The time in a part of a configuration, if it tells one. */
function createdIn({ created }: RawObject, retime: Retime): { readonly created?: string } {
  return typeof created === "string" ? { created: retimeText(created, retime) } : {};
}

/** RFC 3339. What is no time stays, and a time that does not change is written as it was. */
function retimeText(text: string, retime: Retime): string {
  const before = parseTime(text);
  const after = before && retime(before);
  return after === undefined || isSameTime(before as FileTime, after) ? text : formatTime(after);
}

function parseTime(text: string): FileTime | undefined {
  const [, whole, fraction = "", zone] = /^(.*?:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/i.exec(text) ?? [];
  const seconds = Date.parse(`${whole}${zone}`) / 1000;
  return Number.isInteger(seconds) ? { seconds, nanoseconds: Number(fraction.slice(0, 9).padEnd(9, "0")) } : undefined;
}

function formatTime({ seconds, nanoseconds }: FileTime): string {
  const fraction = String(nanoseconds).padStart(9, "0").replace(/0+$/, "");
  return new Date(seconds * 1000).toISOString().replace(/\.000Z$/, fraction === "" ? "Z" : `.${fraction}Z`);
}
