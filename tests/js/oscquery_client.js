// npm oscquery as a client: prints what it makes of the server at a port.
"use strict";
const { OSCQueryDiscovery } = require("oscquery");
const { print, eachLine } = require("./lines.js");

const flat = (node, found = {}) => {
  for (const child of Object.values(node._children || {})) flat(child, found);
  const { FULL_PATH, TYPE, ACCESS, VALUE, RANGE } = node.serialize();
  if (TYPE) found[FULL_PATH] = { type: TYPE, access: ACCESS, value: VALUE, range: RANGE };
  return found;
};

const discovery = new OSCQueryDiscovery();
discovery.on("error", (error) => print({ error: String(error) }));
discovery.queryNewService("127.0.0.1", Number(process.argv[2])).then((service) => {
  const { name, oscIp, oscPort, oscTransport } = service.hostInfo;
  print({ name, oscIp, oscPort, oscTransport, nodes: flat(service.nodes) });
}).catch((error) => print({ error: String(error) }));
eachLine(() => {});
