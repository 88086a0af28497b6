// npm ws and osc: LISTENs to the paths that it reads; prints each message, one per frame.
"use strict";
const WebSocket = require("ws");
const osc = require("osc");
const { print, eachLine } = require("./lines.js");

const socket = new WebSocket(process.argv[2]);
socket.on("message", (data, isBinary) => {
  if (!isBinary) return print({ command: JSON.parse(data) });
  const { address, args } = osc.readMessage(data, { metadata: true });  // fails for a bundle
  print({ address, args: args.map(({ type, value }) => [type, value]) });
});
socket.on("pong", () => print({ event: "pong" }));
socket.on("open", () => print({ event: "open" }));
socket.on("close", () => process.exit(0));
eachLine(({ listen, send, args, ping }) => {
  if (ping) return socket.ping();
  if (listen) return socket.send(JSON.stringify({ COMMAND: "LISTEN", DATA: listen }));
  socket.send(osc.writeMessage({ address: send, args }));
});
