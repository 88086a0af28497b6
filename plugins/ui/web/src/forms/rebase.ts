// A draft of a table that others have changed meanwhile.

import { encodeValue, isTable, type FormTable, type FormValue } from "./values";

/** The draft `mine` of a table that was `base`, and is `theirs` now: values that were not changed here are theirs. */
export function rebased(base: FormTable, mine: FormTable, theirs: FormTable): FormTable {
  const keys = new Set([...Object.keys(theirs), ...Object.keys(mine)]);
  return Object.fromEntries(
    [...keys].flatMap((key): [string, FormValue][] => {
      const value = rebasedValue(valueAt(base, key), valueAt(mine, key), valueAt(theirs, key));
      return value === undefined ? [] : [[key, value]];
    }),
  );
}

function rebasedValue(base: FormValue | undefined, mine: FormValue | undefined, theirs: FormValue | undefined): FormValue | undefined {
  if (isSame(base, mine)) return theirs;
  if (isTable(base) && isTable(mine) && isTable(theirs)) return rebased(base, mine, theirs);
  return mine;
}

function valueAt(table: FormTable, key: string): FormValue | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

function isSame(one: FormValue | undefined, other: FormValue | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return JSON.stringify(encodeValue(one)) === JSON.stringify(encodeValue(other));
}
