// The same on npm osc-js: prints what arrives, sends what it reads.
"use strict";
const OSC = require("osc-js");
const { print, eachLine } = require("./lines.js");

const plain = (type, value) => {
  if (typeof value === "bigint") return [type, value.toString()];
  if (value instanceof Uint8Array) return [type, Array.from(value)];
  return [type, type === "I" ? null : value];
};

const { hostname, port } = new URL(process.argv[2]);
const osc = new OSC({ plugin: new OSC.WebsocketClientPlugin({ host: hostname, port }) });
osc.on("open", () => print({ event: "open" }));
osc.on("error", (error) => print({ event: "error", text: String(error.message || error) }));
osc.on("close", () => print({ event: "close" }));
osc.on("*", ({ address, types, args }) => {
  print({ address, args: args.map((value, index) => plain(types[index + 1], value)) });
});
osc.open();

const message = ({ address, args }) =>
  new OSC.TypedMessage(address, args.map(({ type, value }) => ({
    type,
    value: type === "h" ? BigInt(value) : type === "b" ? Uint8Array.from(value) : value,
  })));
// A bundle takes no typed messages.
const untyped = ({ address, args }) => new OSC.Message(address, ...args.map((arg) => arg.value));
eachLine((packet) => osc.send(
  packet.packets ? new OSC.Bundle(packet.packets.map(untyped)) : message(packet)
));
