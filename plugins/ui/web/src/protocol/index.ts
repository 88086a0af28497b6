// Made by `python -m oscbridge_ui.typescript` from oscbridge_ui/*messages.py. Do not edit.

export type * from "./client";
export type * from "./server";
export type * from "./now";
export type * from "./values";
export type * from "./surface";
export type * from "./recording";
export type * from "./editing";
export type * from "./learning";
export type * from "./devices";

export const SUBPROTOCOL = "oscbridge.ui.1";
/** Characters of a name, and of an address. A message with more ends the connection. */
export const MAX_NAME = 256;
export const MAX_TEXT = 4096;
/** Characters of a token. */
export const MAX_TOKEN = 8192;
/** Characters of a message in parts. */
export const MAX_LARGE = 1048576;
