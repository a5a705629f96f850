import { type ByteString, fromBuffer, readAll } from "../base/index.ts";
import { openContent } from "./file-content.ts";
import type { View } from "./view.ts";

/** The names that an image gives to its users and groups. */
export interface Accounts {
  readonly users: ReadonlyMap<number, ByteString>;
  readonly groups: ReadonlyMap<number, ByteString>;
}

export const NO_ACCOUNTS: Accounts = { users: new Map(), groups: new Map() };

/** A file of accounts beyond this is no file of accounts. */
const MAX_BYTES = 4 * 1024 * 1024;

/** Reads `/etc/passwd` and `/etc/group` of the image itself. Where they are missing or unreadable nobody has a name. */
export async function readAccounts(view: View): Promise<Accounts> {
  return { users: await readNames(view, "etc/passwd"), groups: await readNames(view, "etc/group") };
}

async function readNames(view: View, path: ByteString): Promise<Map<number, ByteString>> {
  const slot = view.tree.find(path, { followLast: true });
  if (slot < 0 || view.tree.node(slot).type !== "file" || view.tree.node(slot).size > MAX_BYTES) return new Map();
  await using content = await openContent(view, slot);
  return parseAccounts(fromBuffer(await readAll(content)));
}

/** Number to name from the lines of passwd(5) or group(5); the first line of a number wins, as in libc. */
export function parseAccounts(lines: ByteString): Map<number, ByteString> {
  const names = new Map<number, ByteString>();
  for (const line of lines.split("\n")) {
    const [name = "", , id = ""] = line.split(":");
    if (name === "" || !/^[0-9]{1,10}$/.test(id) || names.has(Number(id))) continue;
    names.set(Number(id), name);
  }
  return names;
}
