import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    reporters: ["default", "./test/support/skip-reporter.ts"],
    // One for each processor: vitest would leave one for itself, which has little to do.
    maxWorkers: availableParallelism(),
    // The files of a worker share their modules: to import them anew for each file took a sixth of the time.
    isolate: false,
    // Certificates that a machine adds are read at every start of Node, for as long as the rest of it takes.
    env: { NODE_EXTRA_CA_CERTS: "" },
    // What a test looks for again and again comes late where many things run at once.
    expect: { poll: { timeout: 20_000 } },
    projects: [
      {
        extends: true,
        test: { name: "rooms", include: ["src/**/*.test.ts"], testTimeout: 60_000 },
      },
      {
        // With daemons and oracle tools, each in directories and on ports of its test's own: time enough for the slowest.
        extends: true,
        test: {
          name: "interop",
          include: ["test/**/*.test.ts"],
          setupFiles: ["./test/support/remove-cli-home.ts"],
          // As the transcripts show times.
          env: { TZ: "UTC" },
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      exclude: ["**/*.test.ts"],
      reporter: ["text-summary", "html", "json-summary"],
      reportsDirectory: "coverage",
    },
  },
});
