import { expect, test } from "vitest";

import { rebased } from "./rebase";
import { WholeFloat, withKey } from "./values";

const BASE = { listen: "udp://a", port: 1, queue: { size: 10, policy: "latest" }, ratio: new WholeFloat(1) };

test("a table that was not changed here is that of the others", () => {
  const theirs = { listen: "udp://b", mode: "asyncio" };
  expect(rebased(BASE, { ...BASE, ratio: new WholeFloat(1) }, theirs)).toEqual(theirs);
});

test("changes made here stay, and the changes of others are there", () => {
  const mine = { ...BASE, port: 2, queue: { size: 20, policy: "latest" } };
  const theirs = { ...BASE, listen: "udp://b", queue: { size: 10, policy: "oldest" } };
  expect(rebased(BASE, mine, theirs)).toEqual({ ...BASE, listen: "udp://b", port: 2, queue: { size: 20, policy: "oldest" } });
});

test("a key that one side has removed stays removed", () => {
  const mine = withKey(BASE, "port", undefined);
  const theirs = withKey(BASE, "listen", undefined);
  expect(rebased(BASE, mine, theirs)).toEqual({ queue: BASE.queue, ratio: BASE.ratio });
});

test("where both changed a value it is that of the draft", () => {
  expect(rebased(BASE, { ...BASE, port: 2 }, { ...BASE, port: 3 })).toEqual({ ...BASE, port: 2 });
  expect(rebased({}, { port: 2 }, { port: 3 })).toEqual({ port: 2 });
});
