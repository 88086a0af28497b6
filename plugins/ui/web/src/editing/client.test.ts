import { expect, it, vi } from "vitest";

const request = vi.fn(() => Promise.resolve({ type: "saved", error: "refused" }));
vi.mock("../store", () => ({ connection: { request }, welcome: { value: null }, online: { value: false } }));

const { saveEdits } = await import("./client");

it("has a summary that the bridge accepts, however long the names in it are", async () => {
  await saveEdits("1", [], `${"x".repeat(255)}😀 added`);
  expect(request).toHaveBeenCalledWith(expect.objectContaining({ summary: `${"x".repeat(255)}😀` }));
});
