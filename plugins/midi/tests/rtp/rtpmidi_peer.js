// npm rtpmidi: prints what arrives as JSON lines, sends what it reads.
//   node rtpmidi_peer.js PORT            listens there
//   node rtpmidi_peer.js PORT TO         listens there, and invites port TO
// A line is a list of messages, each a list of bytes.
"use strict";
const readline = require("readline");
const { Session, logger } = require("rtpmidi");

const print = (value) => process.stdout.write(JSON.stringify(value) + "\n");
for (const level of ["info", "warn", "error", "verbose"]) logger[level] = () => {};

const [port, to] = process.argv.slice(2).map(Number);
const session = new Session(port, "peer", "peer", undefined, false);
session.on("ready", () => {
  print({ event: "ready" });
  if (to) session.connect({ address: "127.0.0.1", port: to });
});
session.on("streamAdded", ({ stream }) => {
  print({ event: "connected" });
  const wait = setInterval(() => {
    if (stream.timeDifference === null) return; // it sends nothing before
    clearInterval(wait);
    print({ event: "synchronised" });
  }, 20);
});
session.on("streamRemoved", () => print({ event: "disconnected" }));
session.on("message", (_delta, message) => print({ message: Array.from(message) }));
session.on("error", (error) => print({ event: "error", text: String(error) }));
session.start();

const lines = readline.createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const commands = JSON.parse(line).map((data) => ({ deltaTime: 0, data: Buffer.from(data) }));
  session.streams[0].sendMessage({ timestamp: session.now(), commands });
});
lines.on("close", () => process.exit(0));
