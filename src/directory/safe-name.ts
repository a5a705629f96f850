import { type ByteString, StrataError, toText } from "../base/index.ts";

/** A name as the last gate before the disk lets it through. @throws StrataError `unsafe-path` */
export function safeName(name: ByteString): ByteString {
  const isSafe = name !== "" && name !== "." && name !== ".." && !name.includes("/") && !name.includes("\0");
  if (isSafe) return name;
  throw new StrataError({
    code: "unsafe-path",
    kind: "hostile",
    message: `Refusing to write "${toText(name)}": it could lead out of the destination`,
    details: { path: toText(name) },
  });
}

/** The target of a symlink, which may lead anywhere, but somewhere. @throws StrataError `symlink-empty`, `unsafe-path` */
export function safeTarget(name: ByteString, target: ByteString): ByteString {
  if (target !== "" && !target.includes("\0")) return target;
  const [code, what] = target === "" ? ["symlink-empty", "has no target"] : ["unsafe-path", "has a NUL in its target"];
  throw new StrataError({
    code,
    kind: "hostile",
    message: `Refusing to write the symlink "${toText(name)}": it ${what}`,
    details: { path: toText(name) },
  });
}
