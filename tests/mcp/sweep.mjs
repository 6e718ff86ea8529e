// Every tool through a client of the TypeScript SDK, with as little as it takes (minimal.json), and with null for all
// that is left out: the answers are the same. Exits 0 and prints one line if all is well.
//
// usage: sweep.mjs PACKAGE stdio WORKDIR COMMAND...   PACKAGE is sdk-oldest, sdk-1 or @modelcontextprotocol/client
//        sweep.mjs PACKAGE http WORKDIR URL
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const MINIMAL = JSON.parse(readFileSync(new URL("minimal.json", import.meta.url), "utf8"));
const [name, transport, workdir, ...target] = process.argv.slice(2);
const require = createRequire(`${process.env.NODE_PATH}/`);

function check(condition, message, detail = "") {
  if (!condition) {
    console.error(`FAILED: ${message}\n${typeof detail === "string" ? detail : JSON.stringify(detail)}`.slice(0, 3000));
    process.exit(1);
  }
}

// The parts of version 1 are modules; version 2 has all that clients need in one, but for stdio.
function parts() {
  if (name.startsWith("sdk-")) {
    return {
      ...require(`${name}/client/index.js`),
      ...require(`${name}/client/stdio.js`),
      ...require(`${name}/client/streamableHttp.js`),
    };
  }
  return { ...require(name), ...require(`${name}/stdio`) };
}

const { Client, StdioClientTransport, StreamableHTTPClientTransport } = parts();
const client = new Client({ name: "sweep", version: "1" });
await client.connect(
  transport === "stdio"
    ? new StdioClientTransport({ command: target[0], args: target.slice(1), cwd: workdir })
    : new StreamableHTTPClientTransport(new URL(target[0])),
);
const { tools } = await client.listTools();
const names = tools.map((tool) => tool.name).sort();
check(names.join() === Object.keys(MINIMAL).sort().join(), "minimal.json has exactly the tools that there are", names);

async function call(name, given) {
  const result = await client.callTool({ name, arguments: given });
  return [Boolean(result.isError), result.content[0].text];
}

const wrong = [];
for (const { name, inputSchema } of tools) {
  const given = { ...MINIMAL[name] };
  const [failed, text] = await call(name, given);
  // Without a root there is no folder to check.
  check(failed === (name === "check_project" && transport === "http"), `${name} takes ${JSON.stringify(given)}`, text);
  if (name === "generate_project") given.projectName = "again";
  const left = Object.keys(inputSchema.properties).filter((key) => !(key in given));
  const nulls = Object.fromEntries(left.map((key) => [key, null]));
  const [fails, said] = await call(name, { ...given, ...nulls });
  if (fails !== failed || (name !== "generate_project" && said !== text)) wrong.push(`${name}: ${said.slice(0, 300)}`);
}
check(wrong.length === 0, `nulls change the answers of ${wrong.length} of ${tools.length} tools`, wrong.join("\n"));
await client.close();
console.log(`ok: ${name} over ${transport}: ${tools.length} tools`);
