import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { StrataError } from "../base/index.ts";
import { readProcessFacts } from "./process-facts.ts";

/** A command line: nothing else of the child (streams, environment, directory) is decided here. */
export interface CommandLine {
  readonly command: string;
  readonly args: readonly string[];
}

/** Which ids there are in a user namespace. */
export interface NamespaceOptions {
  /**
   * True: all that this user may have, so that files can belong to many users: the own id is 0, the subordinate ones follow
   * from 1 on (root: every id, as outside). False: the own id alone, as 0; this needs neither newuidmap nor any entry.
   */
  readonly mapAll: boolean;
}

/** A block of ids that a user was given in /etc/subuid or /etc/subgid. */
export interface IdRange {
  readonly start: number;
  readonly count: number;
}

/**
 * How to run a command as root of a user and mount namespace of its own: there it may mount overlays, tmpfs and binds,
 * which nobody outside sees and which end with its last process. It needs util-linux's or busybox's `unshare` and a shell, and for
 * `mapAll` the setuid programs `newuidmap` and `newgidmap` (package `uidmap`, on Fedora `shadow-utils`).
 *
 * The process that is started becomes the command, so that its streams, signals and exit code are the command's own.
 * Only its parent's side can write the maps of ids: a helper of the shell waits for the namespace, writes them, and
 * is gone before the command starts; if it fails, its words are on stderr and the process ends by SIGTERM.
 * `unshare --map-auto` would be shorter, but old ones lack it (Ubuntu 22.04, RHEL 9), and others look groups up by a wrong id.
 *
 * A process of Node cannot change its own user namespace: the kernel wants one with a single thread (EINVAL). Its mount
 * namespace it could, thread by thread; but the pool that does asynchronous file calls belongs to all threads and is in
 * the namespace of whichever used it first, so that a file would be there for one call and not for the next. Hence
 * commands: this one, and {@link joinNamespacesCommand} for namespaces that exist.
 *
 * @throws StrataError `no-subordinate-ids` for `mapAll` when this user was given none
 */
export function userNamespaceCommand(
  command: string,
  args: readonly string[],
  { mapAll }: NamespaceOptions,
): CommandLine {
  if (!mapAll) return { command: "unshare", args: ["--user", "--map-root-user", "--mount", "--", command, ...args] };
  const { uid, gid } = readProcessFacts();
  const writer = uid === 0 ? WRITE_AS_ROOT : WRITE_BY_PROGRAMS;
  const [uids, gids] = uid === 0 ? [currentMap("uid"), currentMap("gid")] : [idMap("uid", uid), idMap("gid", gid)];
  return { command: "sh", args: ["-c", `${writer}${ENTER}`, "sh", uids, gids, command, ...args] };
}

/**
 * How to run a command in the user and mount namespaces of a process that this user started by
 * {@link userNamespaceCommand}, as their root. Needs util-linux's `nsenter`.
 */
export function joinNamespacesCommand(pid: number, command: string, args: readonly string[]): CommandLine {
  const where = ["--target", `${pid}`, "--user", "--mount", "--preserve-credentials"];
  return { command: "nsenter", args: [...where, "--", command, ...args] };
}

/**
 * The subordinate ids of this user, in the order of the file; empty when there are none.
 * @param kind `uid` reads /etc/subuid, `gid` reads /etc/subgid; both name the user, by name or number
 */
export function readSubordinateIds(kind: "uid" | "gid"): readonly IdRange[] {
  const { uid } = readProcessFacts();
  return parseSubordinateIds(readIfThere(`/etc/sub${kind}`), [`${uid}`, userName() ?? `${uid}`]);
}

/** The ranges of a subuid(5) file that belong to an owner, who has several names. Lines that are none are skipped. */
export function parseSubordinateIds(text: string, owners: readonly string[]): readonly IdRange[] {
  return text.split("\n").flatMap((line) => {
    const [owner, start, count] = line.split(":");
    if (owner === undefined || !owners.includes(owner)) return [];
    const range = { start: Number(start), count: Number(count) };
    return Number.isSafeInteger(range.start) && Number.isSafeInteger(range.count) && range.count > 0 ? [range] : [];
  });
}

const WRITE_BY_PROGRAMS = "write_maps() { newuidmap $1 $2 && newgidmap $1 $3; }\n";
const WRITE_AS_ROOT = `write_maps() { echo "$2" | tr , '\\n' > /proc/$1/uid_map && echo "$3" | tr , '\\n' > /proc/$1/gid_map; }\n`;

/**
 * The helper is started twice removed, lest it be a dead child of the command. It waits until the process with this
 * shell's number is in another user namespace; that process waits until it has its ids, and only then becomes the command,
 * because it is by starting a program as id 0 that it gets its capabilities.
 */
const ENTER = `uids=$1 gids=$2 self=$$
shift 2
own=$(readlink /proc/self/ns/user)
( (
  n=0
  while new=$(readlink /proc/$self/ns/user 2>/dev/null); [ -z "$new" ] || [ "$new" = "$own" ]; do
    n=$((n + 1))
    if [ $n -gt 500 ] || ! kill -0 $self 2>/dev/null; then exit 1; fi
    sleep 0.01
  done
  write_maps $self "$uids" "$gids" || kill $self
) </dev/null >/dev/null & )
exec unshare --user --mount sh -c '
while ! { read -r id < /proc/self/uid_map && read -r id < /proc/self/gid_map; } 2>/dev/null; do sleep 0.01; done
exec "$@"' sh "$@"`;

/** `0 1000 1 1 100000 65536`: triples of an id inside, one outside, and how many, as newuidmap(1) takes them. */
function idMap(kind: "uid" | "gid", own: number): string {
  const ranges = readSubordinateIds(kind);
  if (ranges.length === 0) throw noSubordinateIds(kind);
  let inside = 1;
  const triples = [`0 ${own} 1`];
  for (const { start, count } of ranges) {
    triples.push(`${inside} ${start} ${count}`);
    inside += count;
  }
  return triples.join(" ");
}

/** Every id of this namespace to itself, a block after a comma; the kernel wants a line for each. */
function currentMap(kind: "uid" | "gid"): string {
  const lines = readFileSync(`/proc/self/${kind}_map`, "latin1").trim().split("\n");
  return lines
    .map((line) => {
      const [inside, , count] = line.trim().split(/\s+/);
      return `${inside} ${inside} ${count}`;
    })
    .join(",");
}

function noSubordinateIds(kind: "uid" | "gid"): StrataError {
  return new StrataError({
    code: "no-subordinate-ids",
    kind: "failed-precondition",
    message: `/etc/sub${kind} gives this user no ids`,
    details: { path: `/etc/sub${kind}` },
    hint: "Ask an administrator for: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER",
  });
}

/** Undefined for a user whom the machine does not know by name. */
function userName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
