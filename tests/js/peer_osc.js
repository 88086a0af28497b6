// npm osc over UDP or TCP: prints what arrives as JSON lines, sends what it reads.
//   node peer_osc.js udp [PORT]     a UDP port, that sends to PORT or to who wrote last
//   node peer_osc.js connect PORT   a TCP connection to PORT
//   node peer_osc.js listen         a TCP server; sends to its last connection
"use strict";
const net = require("net");
const osc = require("osc");
const { print, eachLine } = require("./lines.js");

const plain = (arg) => {
  if (Array.isArray(arg)) return arg.map(plain);
  const { type, value } = arg;
  switch (type) {
    case "h": return [type, value.toString()];
    case "b": case "m": return [type, Array.from(value)];
    case "t": return [type, value.raw];
    case "r": return [type, [value.r, value.g, value.b, Math.round(value.a * 255)]];
    case "I": return [type, null];
    default: return [type, value];
  }
};

let send;
const use = (port) => {
  port.on("message", ({ address, args }, timeTag, from) => {
    if (from) send = (packet) => port.send(packet, from.address, from.port);
    print({ address, args: args.map(plain), timeTag: timeTag && timeTag.raw });
  });
  port.on("error", (error) => print({ event: "error", text: String(error.message || error) }));
  send = (packet) => port.send(packet);
  return port;
};

const [transport, remotePort] = process.argv.slice(2);
const options = { metadata: true };
if (transport === "udp") {
  const port = use(new osc.UDPPort({ ...options, localPort: 0, remotePort: Number(remotePort) }));
  port.on("ready", () => print({ event: "open", port: port.socket.address().port }));
  port.open();
} else if (transport === "connect") {
  const port = use(new osc.TCPSocketPort({ ...options, port: Number(remotePort) }));
  port.on("ready", () => print({ event: "open" }));
  port.open();
} else {
  const server = net.createServer((socket) => use(new osc.TCPSocketPort({ ...options, socket })));
  server.listen(0, "127.0.0.1", () => print({ event: "open", port: server.address().port }));
}
eachLine((packet) => send(packet));
