// The addresses as a tree. A branch that is chosen is what the list shows.

import { useComputed } from "@preact/signals";

import { count, visible } from "../format";
import { Icon } from "../icons";
import type { TreeNode } from "../protocol";
import { branches, listCounts } from "../values_store";
import { withBranch, withoutBranch } from "./open_branches";
import { openBranches, prefix } from "./selection";

export function AddressTree() {
  return (
    <nav class="tree" aria-label="Tree of addresses">
      <ul>
        <li>
          <button aria-current={prefix.value === "" ? "true" : undefined} onClick={() => (prefix.value = "")}>
            <span class="tw" />
            <span>All addresses</span>
            <span class="c">{count(listCounts.value.total)}</span>
          </button>
        </li>
        <Branch path="" depth={0} />
      </ul>
    </nav>
  );
}

/** The children of a branch. They are drawn again only if they, or those open or chosen, have changed. */
function Branch({ path, depth }: { path: string; depth: number }) {
  const nodes = useComputed(() => branches.value[path] ?? NONE).value;
  void useComputed(() => openBranches.value.filter((each) => isChild(each, path)).join("\n")).value;
  const current = useComputed(() => (isChild(prefix.value, path) ? prefix.value : "")).value;
  return (
    <>
      {nodes.map((node) => {
        const here = `${path}/${node.name}`;
        const isOpen = openBranches.peek().includes(here);
        return (
          <li key={here}>
            <button
              class={isOpen ? "open" : ""}
              style={{ paddingLeft: `calc(.5rem + ${depth} * .875rem)` }}
              aria-current={current === here ? "true" : undefined}
              aria-expanded={node.leaf ? undefined : isOpen}
              onClick={() => openBranch(here, node.leaf, isOpen)}
            >
              {node.leaf ? <span class="tw" /> : <Icon name="chevron" />}
              <span class="mono clip">{visible(depth ? node.name : `/${node.name}`)}</span>
              <span class="c">{count(node.count)}</span>
            </button>
            {isOpen && !node.leaf && (
              <ul>
                <Branch path={here} depth={depth + 1} />
              </ul>
            )}
          </li>
        );
      })}
    </>
  );
}

const NONE: readonly TreeNode[] = [];

function isChild(path: string, parent: string): boolean {
  return path.startsWith(`${parent}/`) && !path.includes("/", parent.length + 1);
}

function openBranch(path: string, isLeaf: boolean, isOpen: boolean): void {
  const wasChosen = prefix.value === path;
  prefix.value = path;
  if (isLeaf) return;
  if (!isOpen) openBranches.value = withBranch(openBranches.value, path);
  else if (wasChosen) openBranches.value = withoutBranch(openBranches.value, path);
}
