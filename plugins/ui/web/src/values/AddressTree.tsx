// The addresses as a tree. A branch that is chosen is what the list shows.

import { count, visible } from "../format";
import { Icon } from "../icons";
import { branches, listCounts } from "../values_store";
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

function Branch({ path, depth }: { path: string; depth: number }) {
  const nodes = branches.value[path] ?? [];
  return (
    <>
      {nodes.map((node) => {
        const here = `${path}/${node.name}`;
        const isOpen = openBranches.value.includes(here);
        return (
          <li key={here}>
            <button
              class={isOpen ? "open" : ""}
              style={{ paddingLeft: `calc(.5rem + ${depth} * .875rem)` }}
              aria-current={prefix.value === here ? "true" : undefined}
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

const MAX_OPEN = 190;

function openBranch(path: string, isLeaf: boolean, isOpen: boolean): void {
  const wasChosen = prefix.value === path;
  prefix.value = path;
  if (isLeaf) return;
  if (isOpen && wasChosen) {
    openBranches.value = openBranches.value.filter((each) => each !== path && !each.startsWith(`${path}/`));
  } else if (!isOpen && openBranches.value.length < MAX_OPEN) {
    openBranches.value = [...openBranches.value, path];
  }
}
