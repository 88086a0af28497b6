// The surface as a file: exported, imported, and where the bridge keeps it.

import { useState } from "preact/hooks";

import { several } from "../format";
import { Icon } from "../icons";
import { choosePage, file, pages } from "./surface_store";
import { exportSurface, importSurface } from "./transfer";

export function SurfaceFiles() {
  const [result, setResult] = useState("");
  const [isBad, setBad] = useState(false);
  const load = async (input: HTMLInputElement) => {
    const [given] = input.files ?? [];
    if (!given) return;
    setBad(false);
    setResult("Importing…");
    try {
      const before = pages.value.size;
      const first = await importSurface(given.size > 4_000_000 ? " ".repeat(4_000_001) : await given.text());
      if (first) choosePage(first);
      setResult(`${several(pages.value.size - before, "page")} added.`);
    } catch (error) {
      setBad(true);
      setResult(`Not imported: ${(error as Error).message}`);
    }
    input.value = "";
  };
  return (
    <>
      <div class="two">
        <button class="btn" onClick={exportSurface}>
          <Icon name="download" />
          Export
        </button>
        <label class="btn">
          <Icon name="upload" />
          Import
          <input class="sr" type="file" accept=".json,application/json" onChange={(event) => void load(event.currentTarget)} />
        </label>
      </div>
      {result && (
        <p class={`say ${isBad ? "b" : ""}`} role={isBad ? "alert" : "status"}>
          {result}
        </p>
      )}
      <p class="faint wrap">Kept in {file.value}</p>
    </>
  );
}
