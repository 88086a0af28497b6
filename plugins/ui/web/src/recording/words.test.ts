import { describe, expect, it } from "vitest";

import { bytes, duration } from "./words";

describe("words about recordings", () => {
  it("are short", () => {
    expect([0, 812, 1_449, 99_400, 104_857_600, 1e9].map(bytes)).toEqual(["0 bytes", "812 bytes", "1.4 kB", "99.4 kB", "105 MB", "1.0 GB"]);
    expect([0, 4.25, 61, 750, 3_750].map(duration)).toEqual(["0:00.0", "0:04.2", "1:01.0", "12:30", "1:02:30"]);
  });
});
