// npm oscquery: a server with three nodes; prints where it listens.
"use strict";
const { OSCQueryServer, OSCTypeSimple, OSCQAccess } = require("oscquery");
const { print, eachLine } = require("./lines.js");

const server = new OSCQueryServer({
  oscQueryHostName: "npm", serviceName: process.argv[2], httpPort: Number(process.argv[3]),
  bindAddress: "127.0.0.1", oscIp: "0.0.0.0", oscPort: Number(process.argv[4]),
});
const add = (path, type, value, rest) => {
  server.addMethod(path, { access: OSCQAccess.READWRITE, arguments: [{ type, ...rest }] });
  server.setValue(path, 0, value);
};
add("/lights/level", OSCTypeSimple.FLOAT, 0.5, { range: { min: 0, max: 1 } });
add("/lights/name", OSCTypeSimple.STRING, "front");
server.addMethod("/sound/go", { access: OSCQAccess.WRITEONLY, arguments: [{ type: OSCTypeSimple.INT }] });

// Without start(), which would announce it on all networks.
server._server.listen(Number(process.argv[3]), "127.0.0.1", () => print({ event: "open" }));
eachLine(({ path, value }) => server.setValue(path, 0, value));
