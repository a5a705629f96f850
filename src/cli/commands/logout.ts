import type { Command } from "commander";
import { createDockerConfigCredentials } from "../../transport/index.ts";
import { examples } from "../examples.ts";
import { loginFiles, type RegistryVerbOptions } from "../registry-options.ts";
import { addOutputOptions, type OutputOptions } from "../store-options.ts";
import type { Terminal } from "../terminal.ts";
import { DEFAULT_HOST } from "./login.ts";

type LogoutOptions = Pick<RegistryVerbOptions, "authfile"> & OutputOptions & { readonly all?: boolean };

/** `strata logout`: forgets a login everywhere. */
export function configureLogout(command: Command, terminal: Terminal): void {
  command
    .description("Forget the login of a registry, in every place in which docker, podman and strata look.")
    .argument("[host]", "HOST[:PORT]", DEFAULT_HOST)
    .option("--all", "all logins")
    .option("--authfile <file>", "logins (default: those of docker and podman)");
  addOutputOptions(command)
    .addHelpText("after", examples(["strata logout ghcr.io", "one registry"], ["strata logout --all", "all of them"]))
    .action(async (host: string, options: LogoutOptions) => {
      const logins = createDockerConfigCredentials(loginFiles(options, terminal.env));
      const hosts = options.all === true ? (await logins.list()).map((login) => login.host) : [host];
      for (const each of hosts) {
        const wasThere = await logins.remove(each);
        await terminal.note(wasThere ? `logged out of ${each}` : `there was no login for ${each}`);
      }
    });
}
