import { promises as fs } from "node:fs";
import { StrataError } from "../../base/index.ts";
import { fileError } from "../../content/index.ts";
import { openArchiveFile } from "./archive-file.ts";
import type { ArchiveSink, StandardOutput } from "./archive-sink.ts";
import { ArchiveStream } from "./archive-stream.ts";

/**
 * Begins an archive at that path. `-` is standard output, which like a pipe or a device is written to as it is: who reads
 * there sees the archive grow. A file appears complete or not at all.
 * @throws StrataError `no-standard-output`; as `openArchiveFile`
 */
export async function openArchiveSink(path: string, stdout?: StandardOutput): Promise<ArchiveSink> {
  if (path === "-") {
    if (stdout === undefined) throw noStandardOutput();
    return new ArchiveStream(stdout, async () => {});
  }
  return (await isStream(path)) ? await openDevice(path) : await openArchiveFile(path);
}

async function isStream(path: string): Promise<boolean> {
  const stats = await fs.stat(path).catch(() => undefined);
  return stats !== undefined && (stats.isFIFO() || stats.isCharacterDevice());
}

async function openDevice(path: string): Promise<ArchiveSink> {
  try {
    const handle = await fs.open(path, "w");
    const write = async (bytes: Uint8Array): Promise<void> => {
      for (let done = 0; done < bytes.length; ) done += (await handle.write(bytes, done)).bytesWritten;
    };
    return new ArchiveStream(
      async (bytes) => {
        await write(bytes).catch((error: unknown) => {
          throw fileError(error, path, "write");
        });
      },
      () => handle.close(),
    );
  } catch (error) {
    throw fileError(error, path, "write");
  }
}

function noStandardOutput(): StrataError {
  return new StrataError({
    code: "no-standard-output",
    kind: "invalid-argument",
    message: "Cannot write to -: there is no standard output to write to",
    hint: "Name a file",
  });
}
