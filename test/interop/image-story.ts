import { dir, fifo, file, hardlink, symlink, type TarStep } from "../../src/testing/index.ts";

/** cap_net_raw+ep, VFS_CAP_REVISION_2 (linux/capability.h). */
const CAP_NET_RAW = `\x01\x00\x00\x02\x00\x20${"\x00".repeat(14)}`;

/** The first layer that every tool makes: all that a file can have. Names are such that later chapters change them. */
export const FIRST_TREE: readonly TarStep[] = [
  dir("etc"),
  file("etc/hosts", "127.0.0.1 localhost\n"),
  file("etc/motd", "hello\n", { mtime: { seconds: 1_500_000_000, nanoseconds: 987_654_321 } }),
  file("etc/shadow", "root:*\n", { mode: 0o640, gid: 42 }),
  dir("usr"),
  dir("usr/bin"),
  file("usr/bin/ping", "#!ping", { mode: 0o755, xattrs: { "security.capability": CAP_NET_RAW } }),
  file("usr/bin/su", "#!su", { mode: 0o4755 }),
  dir("usr/lib"),
  file("usr/lib/liba.so.1", "liba"),
  symlink("usr/lib/liba.so", "liba.so.1"),
  symlink("lib", "usr/lib"),
  dir("usr/share"),
  dir("usr/share/doc"),
  file("usr/share/doc/a", "a"),
  file("usr/share/doc/b", "b"),
  dir("var", { mode: 0o711, uid: 7, gid: 8 }),
  dir("var/cache"),
  file("var/cache/old", "old"),
  dir("var/tmp", { mode: 0o1777 }),
  file("data", "one\n".repeat(1000), { uid: 1000, gid: 1000 }),
  hardlink("data.link", "data"),
  file("turns-into-a-directory", "file"),
  dir("turns-into-a-symlink"),
  file("turns-into-a-symlink/inside", "inside"),
  file("name with a blank", "blank"),
  file("caf\xc3\xa9", "utf-8"),
  fifo("pipe", { mode: 0o600 }),
  symlink("dangling", "/nowhere/at/all"),
];

/** Attributes that not every tool keeps. */
export const USER_XATTRS: readonly TarStep[] = [
  file("tagged", "tagged", { xattrs: { "user.tag": "blue", "user.bytes": "\x00\xff" } }),
];

/** What happens in the following layers, each as a shell script in the root of the image. */
export const CHAPTERS: readonly string[] = [
  `rm -r usr/share/doc
   rm etc/motd dangling
   rm -r var/cache && mkdir var/cache && echo new > var/cache/new
   chmod 600 etc/shadow
   chown 5:6 etc/hosts
   rm turns-into-a-directory && mkdir turns-into-a-directory && echo in > turns-into-a-directory/inside
   rm -r turns-into-a-symlink && ln -s var turns-into-a-symlink
   echo two > usr/lib/libb.so && ln usr/lib/libb.so usr/lib/libb.link
   touch -d @1000000000 usr/lib/libb.so
   chmod 700 var`,
  `mkdir usr/share/doc && echo c > usr/share/doc/c
   mv usr/bin/su usr/bin/sudo
   echo three >> etc/hosts
   rm usr/lib/libb.link
   rm -r turns-into-a-directory && echo file > turns-into-a-directory
   rm turns-into-a-symlink && mkdir turns-into-a-symlink
   mkdir -p a/b/c && chmod 750 a/b && echo deep > a/b/c/d
   chmod 4711 usr/bin/ping`,
  `rm -r a usr/share
   mkdir -p usr/share/man && echo man > usr/share/man/man1
   echo again > etc/motd
   rm lib && mkdir lib && echo own > lib/own`,
];
