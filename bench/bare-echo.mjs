// The floor of start-up: answers each line it reads, imports nothing. Same Node, same pipes, no kernel.
process.stdin.on("data", (chunk) => {
  for (const line of String(chunk).split("\n")) {
    if (line === "") continue;
    process.stdout.write(`{"jsonrpc":"2.0","id":${JSON.stringify(JSON.parse(line).id)},"result":{}}\n`);
  }
});
