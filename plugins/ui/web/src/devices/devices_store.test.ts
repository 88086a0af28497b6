import { describe, expect, it, vi } from "vitest";

vi.mock("../store", () => ({ listen: () => undefined, welcome: { value: null }, online: { value: false } }));

const { freeName } = await import("./devices_store");

describe("the name of a new part", () => {
  it.each([
    ["Launchpad Mini MIDI 1", [], "launchpad_mini_midi_1"],
    ["desk", ["desk", "desk_2"], "desk_3"],
    ["— ☃ —", [], "device"],
    ["__x", [], "x"],
  ])("of %s is free", (wanted, taken, name) => {
    expect(freeName(wanted, taken)).toBe(name);
  });
});
