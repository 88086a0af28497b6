// A dashboard on npm osc: prints every message that arrives as a JSON line and sends every
// packet that it reads, as a JSON line too, from its standard input.
"use strict";
const osc = require("osc");
const { print, eachLine } = require("./lines.js");

// Each type's value as plain JSON, the same for both peers.
const plain = (arg) => {
  if (Array.isArray(arg)) return arg.map(plain);
  const { type, value } = arg;
  switch (type) {
    case "h": return [type, value.toString()];
    case "t": return [type, ((BigInt(value.raw[0]) << 32n) | BigInt(value.raw[1])).toString()];
    case "r": return [type, [value.r, value.g, value.b, Math.round(value.a * 255)]];
    case "b": case "m": return [type, Array.from(value)];
    case "I": return [type, null];
    default: return [type, value];
  }
};

const port = new osc.WebSocketPort({ url: process.argv[2], metadata: true });
port.on("open", () => {
  // As in a browser. osc.js reads blobs from the wrong place in the buffers that Node shares.
  port.socket.binaryType = "arraybuffer";
});
port.on("ready", () => print({ event: "open" }));
port.on("message", ({ address, args }) => print({ address, args: args.map(plain) }));
port.on("error", (error) => print({ event: "error", text: String(error.message || error) }));
port.on("close", ({ code }) => print({ event: "close", code }));
port.open();
eachLine((packet) => port.send(packet));
