import { expect, it } from "vitest";

import { PlotData, SAMPLE, SPAN, statistics } from "./plot_data";

it("has a column per address, and earlier values of those that are new", () => {
  const data = new PlotData();
  data.begin(100, 3);
  data.choose(["/a"], (_, time) => time * 2);
  data.add(100.1, () => 7);
  data.choose(["/a", "/b"], () => null);
  data.add(100.2, (address) => (address === "/a" ? 8 : 9));
  expect(data.table(60)).toEqual([
    [97, 98, 99, 100.1, 100.2],
    [194, 196, 198, 7, 8],
    [null, null, null, null, 9],
  ]);
  expect(data.table(0.15)[0]).toEqual([100.1, 100.2]);
  data.choose(["/b"], () => null);
  expect(data.addresses).toEqual(["/b"]);
});

it("fills gaps with what the bridge knows", () => {
  const data = new PlotData();
  data.begin(100, 4);
  data.choose(["/a"], (_, time) => (time === 99 ? 5 : null));
  data.add(100.1, () => 6);
  data.fill("/a", 100.2, [1, null, 3]);
  data.fill("/b", 100.2, [9]);
  expect(data.table(60)[1]).toEqual([null, null, 1, 5, 6]);
});

it("forgets what is older than ten minutes", () => {
  const data = new PlotData();
  data.choose(["/a"], () => null);
  for (let i = 1; i < SPAN / SAMPLE + 500; i++) data.add(i * SAMPLE, () => i);
  const [times, column] = data.table(SPAN * 2);
  expect(times.length).toBeLessThan(SPAN / SAMPLE + 60);
  expect(column!.length).toBe(times.length);
});

it("knows lowest, highest and mean", () => {
  expect(statistics([null, 1, 4, 1])).toEqual({ least: 1, most: 4, mean: 2 });
  expect(statistics([null])).toBeNull();
});
