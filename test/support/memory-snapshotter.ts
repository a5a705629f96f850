import { StrataError } from "../../src/base/index.ts";
import type { LayerStack, SnapshotInfo, SnapshotName, Snapshotter, StagedLayer } from "../../src/snapshot/index.ts";

/** What a test may see, and do, of a {@link MemorySnapshotter}. */
export interface MemoryHooks {
  /** Called before a layer is staged; may fail, or take its time. */
  readonly onStage?: (layer: number) => Promise<void> | void;
  readonly onCommit?: (name: SnapshotName) => Promise<void> | void;
}

type LayersOnly = Pick<Snapshotter, "stage" | "stat" | "warm">;

/** The part of a snapshotter that layers are brought in by, in memory: it reads their tars, and remembers who is whose parent. */
export class MemorySnapshotter implements LayersOnly {
  /** Parents of the committed snapshots, in the order of the commits. */
  readonly committed = new Map<SnapshotName, SnapshotName | undefined>();
  readonly warmed: SnapshotName[] = [];
  /** Layers that are staged and neither committed nor disposed. */
  staged = 0;
  mostStaged = 0;
  /** Calls of {@link stat}. */
  looks = 0;
  readonly #hooks: MemoryHooks;

  constructor(hooks: MemoryHooks = {}) {
    this.#hooks = hooks;
  }

  /** As what it passes for. */
  get asSnapshotter(): Snapshotter {
    return this as unknown as Snapshotter;
  }

  async stat(name: SnapshotName): Promise<SnapshotInfo> {
    this.looks++;
    if (!this.committed.has(name)) throw failure("snapshot-not-found", "not-found", name);
    const parent = this.committed.get(name);
    return { name, kind: "committed", parent, labels: {}, createdAt: 0, updatedAt: 0, content: [] };
  }

  async stage(stack: LayerStack, layer: number): Promise<StagedLayer> {
    this.mostStaged = Math.max(this.mostStaged, ++this.staged);
    let isOver = false;
    const end = async (): Promise<void> => {
      if (!isOver) this.staged--;
      isOver = true;
    };
    try {
      await this.#hooks.onStage?.(layer);
      await using _ = await stack.openTar(layer);
    } catch (error) {
      await end();
      throw error;
    }
    return {
      commit: async (name, parent) => {
        await this.#hooks.onCommit?.(name);
        if (this.committed.has(name)) throw failure("snapshot-exists", "already-exists", name);
        if (parent !== undefined && !this.committed.has(parent))
          throw failure("snapshot-not-found", "not-found", parent);
        this.committed.set(name, parent);
        await end();
      },
      [Symbol.asyncDispose]: end,
    };
  }

  async warm(name: SnapshotName): Promise<void> {
    this.warmed.push(name);
  }
}

function failure(code: string, kind: "not-found" | "already-exists", name: string): StrataError {
  return new StrataError({ code, kind, message: `${name}: ${code}` });
}
