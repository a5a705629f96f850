import { createFsFromVolume, Volume } from "memfs";
import { expect, it } from "vitest";
import { listUpper } from "./list-upper.ts";
import { unionFs } from "./union-fs.ts";

/** Its promises as they are: nothing here casts, so that a type which does not fit fails to compile. */
const memory = (files: Readonly<Record<string, string>>) => createFsFromVolume(Volume.fromJSON(files)).promises;

it("takes memfs as upper and lower without a cast, copies up and lists the changeset", async () => {
  const lower = memory({ "/etc/motd": "old\n", "/etc/issue": "kept\n", "/srv/gone/file": "x" });
  const upper = memory({});
  await using fs = unionFs({ lowers: [lower], upper });
  await fs.writeFile("/etc/motd", "new\n");
  await fs.rm("/srv/gone", { recursive: true });
  expect(await fs.readFile("/etc/issue", "utf8")).toBe("kept\n");
  expect(await fs.readdir("/etc")).toEqual(["issue", "motd"]);
  expect(await lower.readFile("/etc/motd", "utf8")).toBe("old\n");
  expect(await upper.readFile("/etc/motd", "utf8")).toBe("new\n");
  const { index } = await listUpper(fs);
  expect(Array.from({ length: index.count }, (_, i) => index.name(i))).toEqual(
    expect.arrayContaining(["etc/motd", "srv/.wh.gone"]),
  );
});

it("loses in memfs only what memfs cannot hold", async () => {
  await using fs = unionFs({ lowers: [], upper: memory({}) });
  await fs.writeFile("/file", "x");
  await expect(fs.setxattr("/file", "user.a", Buffer.from("1"))).rejects.toMatchObject({ code: "ENOTSUP" });
  await expect(fs.mknod("/pipe", 0o010_644)).rejects.toMatchObject({ code: "ENOTSUP" });
  expect(await fs.readFile("/file", "utf8")).toBe("x");
});
