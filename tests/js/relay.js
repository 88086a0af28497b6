// What dashboards are fed by otherwise: a relay of npm osc, UDP to every WebSocket client.
// Arguments: UDP port, WebSocket port.
"use strict";
const osc = require("osc"), { WebSocketServer } = require("ws");
const [udpPort, webPort] = process.argv.slice(2).map(Number);

const udp = new osc.UDPPort({ localAddress: "127.0.0.1", localPort: udpPort });
udp.on("ready", () => {
  const server = new WebSocketServer({ host: "127.0.0.1", port: webPort });
  server.on("connection", socket => {
    new osc.Relay(udp, new osc.WebSocketPort({ socket }), { raw: true });
  });
  server.on("listening", () => console.log("ready"));
});
udp.setMaxListeners(0);
udp.open();
