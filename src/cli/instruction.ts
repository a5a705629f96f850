/**
 * What a build wrote into `created_by` as the instruction that people know: `/bin/sh -c #(nop) COPY …` is `COPY …`,
 * `/bin/sh -c apt-get …` is `RUN apt-get …`. Mounts of the build and BuildKit's remark go, digests of what was copied
 * shrink to twelve digits, white space is one blank.
 */
export function instructionOf(createdBy: string): string {
  const text = createdBy
    .replace(/\s+/g, " ")
    .replace(/ # buildkit$/, "")
    .replace(/\b(dir|file|multi):([0-9a-f]{12})[0-9a-f]{52}\b/g, "$1:$2")
    .trim();
  const nop = /^(?:\/bin\/sh -c|cmd \/S \/C|powershell .*?) ?#\(nop\) +(.*)$/i.exec(text);
  if (nop !== null) return (nop[1] as string).trim();
  const shell = /^(?:RUN )?\/bin\/sh -c (?:--[a-z]+=\S+ )*(.*)$/.exec(text);
  return shell === null ? text : `RUN ${shell[1]}`;
}

/** The beginning of a text, with an ellipsis where something is missing. `width` counts characters and is at least 1. */
export function truncate(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join("")}…`;
}
