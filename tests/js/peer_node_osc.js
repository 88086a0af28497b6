// npm node-osc: prints what arrives as JSON lines, sends what it reads, from one UDP port.
//   node peer_node_osc.js [PORT]    sends to PORT or to who wrote last
"use strict";
const { Bundle, Message, Server } = require("node-osc");
const { print, eachLine } = require("./lines.js");

let port = Number(process.argv[2]);
const plain = (value) => (Buffer.isBuffer(value) ? Array.from(value) : value);
const server = new Server(0, "127.0.0.1", () => print({ event: "open", port: server.port }));
server.on("message", ([address, ...args], from) => {
  port = from.port;
  print({ address, args: args.map(plain) });
});
server.on("bundle", ({ timetag, elements }) => {
  print({ timetag, elements: elements.map((element) => element.map(plain)) });
});
server.on("error", (error) => print({ event: "error", text: error.message }));

const message = ({ address, args }) => {
  const made = new Message(address);
  for (const arg of args) {
    made.append(arg && arg.type === "b" ? { ...arg, value: Buffer.from(arg.value) } : arg);
  }
  return made;
};
eachLine((packet) => {
  const made = packet.elements
    ? new Bundle(packet.timetag, ...packet.elements.map(message))
    : message(packet);
  server.send(made, port, "127.0.0.1");
});
