import { type ByteString, StrataError, toText } from "../base/index.ts";

/** Where in the archive a fault lies. */
export interface TarFaultPlace {
  /** Offset in the uncompressed archive of the block, field or record at fault. */
  readonly offset: number;
  /** The entry it belongs to, where its name is known already. */
  readonly entry?: ByteString | undefined;
}

/** An archive that breaks the format: kind `malformed`. The message is completed with the entry and the offset. */
export function malformedTar(code: string, fault: string, place: TarFaultPlace): StrataError {
  return new StrataError({ code, kind: "malformed", message: describeFault(fault, place), details: detailsOf(place) });
}

/** An archive that keeps to the format but asks for more than the limits allow: kind `hostile`. */
export function hostileTar(code: string, fault: string, place: TarFaultPlace): StrataError {
  return new StrataError({ code, kind: "hostile", message: describeFault(fault, place), details: detailsOf(place) });
}

function describeFault(fault: string, { offset, entry }: TarFaultPlace): string {
  const name = entry === undefined ? "" : ` entry ${JSON.stringify(toText(entry))}`;
  return `Cannot read tar archive at offset ${offset}:${name} ${fault}`;
}

function detailsOf({ offset, entry }: TarFaultPlace): { offset: number; entry?: string } {
  return entry === undefined ? { offset } : { offset, entry: toText(entry) };
}
