// Which branches of the tree are open: no more than the bridge reads in one message.

const MAX_OPEN = 190; // branches
const MAX_TEXT = 10_000; // characters of them as JSON

/** The open branches with a further one. Of too many, those that were opened first are closed. */
export function withBranch(open: readonly string[], path: string): readonly string[] {
  let found = [...open, path];
  while (found.length > MAX_OPEN || JSON.stringify(found).length > MAX_TEXT) {
    const oldest = found.find((each) => each !== "" && each !== path && !isBelow(path, each));
    if (oldest === undefined) return open; // its own path is too long
    found = withoutBranch(found, oldest);
  }
  return found;
}

/** The open branches without one, and without those below it. */
export function withoutBranch(open: readonly string[], path: string): string[] {
  return open.filter((each) => each !== path && !isBelow(each, path));
}

function isBelow(path: string, parent: string): boolean {
  return path.startsWith(`${parent}/`);
}
