// The bridge or endpoint that is being added.

import { signal } from "@preact/signals";

import { decodeTable, textOf, type FormTable, type JsonValue } from "../forms/values";
import type { EndpointKind, ProfileState } from "../protocol";
import { freeName, takenNames } from "./devices_store";
import type { PartKind } from "./PartForm";

interface NewPart {
  kind: PartKind;
  name: string;
  value: FormTable;
}

export const newPart = signal<NewPart | null>(null);

/** Opens the form of a new part. */
export function begin(kind: PartKind, name: string, value: FormTable): void {
  newPart.value = { kind, name: freeName(name, takenNames()), value };
}

/** Opens the form of a new endpoint, filled in as an example. */
export function beginKind(kind: EndpointKind): void {
  const table = decodeTable(kind.example as JsonValue);
  const plain = Object.fromEntries(
    Object.entries(table).map(([key, value]) => {
      const text = textOf(value);
      return [key, text.startsWith('"') ? (JSON.parse(text) as string) : value];
    }),
  );
  begin("endpoint", kind.name, { type: kind.name, ...plain });
}

/** Opens the form of a new endpoint for a device that has a profile. */
export function beginProfile({ name, to }: ProfileState): void {
  begin("endpoint", name, { type: "osc", to: to || "udp://192.168.1.20:9000", profile: name });
}
