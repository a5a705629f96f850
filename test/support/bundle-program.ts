import { build } from "rolldown";

/** Joins a program of this project, in TypeScript, into one module that Node can run; packages stay outside. */
export async function bundleProgram(source: string, file: string): Promise<void> {
  await build({
    input: source,
    platform: "node",
    // What it writes for `using` it has itself.
    external: (id) => /^[^./]/.test(id) && !id.startsWith("@oxc-project/"),
    transform: { target: "node20" },
    checks: { ineffectiveDynamicImport: false },
    output: { file, format: "esm", codeSplitting: false },
  });
}
