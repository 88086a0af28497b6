// JSON lines: how the peers talk with the tests.
"use strict";
const readline = require("readline");

exports.print = (value) => process.stdout.write(JSON.stringify(value) + "\n");

// Ends the process when there are no more.
exports.eachLine = (use) => {
  const lines = readline.createInterface({ input: process.stdin });
  lines.on("line", (line) => use(JSON.parse(line)));
  lines.on("close", () => process.exit(0));
};
