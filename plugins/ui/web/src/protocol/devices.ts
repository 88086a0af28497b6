// Made by `python -m oscbridge_ui.typescript` from oscbridge_ui/*messages.py. Do not edit.

/** Look for devices. Requires the right ``configure``, as all of this view. */
export interface WatchDevices {
  type: "watch_devices";
}

/** List the ports of the machine again. */
export interface LookForDevices {
  type: "look_for_devices";
  id: number;
}

/** Send the test messages of an endpoint. */
export interface TestEndpoint {
  type: "test_endpoint";
  id: number;
  name: string;
  test: string;
}

/** A device that could be added, or is an endpoint already. */
export interface DeviceFound {
  endpoint_type: string;
  name: string;
  place: string;
  origin: "network" | "machine";
  endpoint: string;
  proposed_name: string;
  table: Readonly<Record<string, unknown>>;
}

/** A type of endpoints. */
export interface EndpointKind {
  name: string;
  text: string;
  tests: readonly string[];
  example: Readonly<Record<string, unknown>>;
  error: string;
}

/** A device profile. */
export interface ProfileState {
  name: string;
  title: string;
  addresses: number;
  to: string;
}

/** An installed plugin. */
export interface PluginState {
  name: string;
  version: string;
  types: readonly string[];
  error: string;
}

/** The devices that are found, and the types and profiles that can be added. */
export interface DevicesState {
  type: "devices";
  is_listing: boolean;
  found: readonly DeviceFound[];
  problems: Readonly<Record<string, string>>;
  kinds: readonly EndpointKind[];
  profiles: readonly ProfileState[];
  plugins: readonly PluginState[];
}
