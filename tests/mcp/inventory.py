"""Everything that a server lists, used once through a Python client: tools, prompts, resources, completion.

One script for the `mcp` package of both generations (1.x and 2.x) and for `fastmcp`, and for both transports. Exits 0
and prints one line if all is well.

usage: inventory.py CLIENT SERVER stdio WORKDIR COMMAND...     CLIENT is mcp or fastmcp
       inventory.py CLIENT SERVER http WORKDIR URL
"""

import asyncio
import contextlib
import json
import re
import sys
from importlib.metadata import version

# A request of each server that it answers with `ok`, and one that it refuses with the nearest valid value.
CALLS = {
    "model": ("describe_model", {"modelName": "Qwen/Qwen3-8B"}, {"modelName": "Qwen/Qwen3-8C"}),
    "region": ("recommend_region", {"near": "Tokyo"}, {"near": "Tokio"}),
    "instance": ("recommend_instance", {"modelName": "Qwen/Qwen3-8B"}, {"modelName": "Qwen/Qwen3-8C"}),
    "base-image": ("search_images", {"limit": 2}, {"accelerator": "tpu"}),
    "hyperpod": ("describe_hyperpod", {}, {"region": "us-eest-1"}),
    "generate-project": ("list_deployments", {}, {"deploymentConfig": "http-flsk"}),
}
CALLS["all"] = CALLS["instance"]
LARGEST = 256 * 1024


def check(condition, message, detail=None):
    """Fails with everything that is known; `assert` would go away under -O."""
    if not condition:
        raise SystemExit(f"FAILED: {message}\n{json.dumps(detail, indent=1, default=str)[:4000]}")


def plain(value):
    """Whatever a client returns as JSON, under the names of the protocol."""
    if hasattr(value, "model_dump"):
        return value.model_dump(by_alias=True, mode="json")
    return [plain(item) for item in value] if isinstance(value, list) else value


def items(listed, name):
    """A list, from a result of the protocol or as it is."""
    listed = plain(listed)
    return listed if isinstance(listed, list) else listed[name]


class Peer:
    """What is used of a client, the same for all."""

    def __init__(self, client, types, fast=False, old=False):
        self.client, self.types, self.fast, self.old = client, types, fast, old

    async def tools(self):
        return items(await self.client.list_tools(), "tools")

    async def prompts(self):
        return items(await self.client.list_prompts(), "prompts")

    async def resources(self):
        return items(await self.client.list_resources(), "resources")

    async def templates(self):
        return items(await self.client.list_resource_templates(), "resourceTemplates")

    async def call(self, name, arguments):
        if self.fast:
            result = await self.client.call_tool(name, arguments, raise_on_error=False)
            return result.structured_content, result.is_error, result.content[0].text
        result = plain(await self.client.call_tool(name, arguments))
        return result["structuredContent"], bool(result["isError"]), result["content"][0]["text"]

    async def prompt(self, name, arguments):
        return plain(await self.client.get_prompt(name, arguments))["messages"]

    async def read(self, uri):
        if self.old:
            from pydantic import AnyUrl

            uri = AnyUrl(uri)
        return items(await self.client.read_resource(uri), "contents")

    async def complete(self, reference, name, value, earlier=None):
        argument = {"name": name, "value": value}
        completed = plain(await self.client.complete(reference, argument, earlier))
        return completed.get("completion", completed)["values"]


@contextlib.asynccontextmanager
async def connected(client, transport, workdir, target):
    if client == "fastmcp":
        import mcp.types
        from fastmcp import Client
        from fastmcp.client.transports import StdioTransport

        if transport == "stdio":
            where = StdioTransport(command=target[0], args=target[1:], cwd=workdir, keep_alive=False)
        else:
            (where,) = target
        async with Client(where) as peer:
            yield Peer(peer, mcp.types, fast=True)
        return

    import mcp

    old = int(version("mcp").split(".")[0]) < 2
    if transport == "stdio":
        where = mcp.StdioServerParameters(command=target[0], args=target[1:], cwd=workdir)
    else:
        (where,) = target
    if not old:
        async with mcp.Client(where) as peer:
            yield Peer(peer, mcp.types)
        return
    if transport == "stdio":
        streams = mcp.stdio_client(where)
    else:
        from mcp.client.streamable_http import streamable_http_client

        streams = streamable_http_client(where)
    async with streams as (read, write, *_), mcp.ClientSession(read, write) as session:
        await session.initialize()
        yield Peer(session, mcp.types, old=True)


async def everything(peer, server):
    names = [tool["name"] for tool in await peer.tools()]
    check(names == [tool["name"] for tool in await peer.tools()], "the list is always the same", names)
    name, right, wrong = CALLS[server]
    check(name in names, f"{name} is there", names)
    answer, failed, text = await peer.call(name, right)
    check(not failed and answer["status"] == "ok" and text, f"{name} answers", answer)
    answer, failed, text = await peer.call(name, wrong)
    problem = answer["error"]["problems"][0]
    check(failed and problem["choices"][0] in text, "what is wrong comes with what would be right", answer)

    prompts = await peer.prompts()
    check(prompts, "there are prompts")
    for prompt in prompts:
        reference = peer.types.PromptReference(type="ref/prompt", name=prompt["name"])
        given = {}
        for argument in prompt["arguments"]:
            values = await peer.complete(reference, argument["name"], "")
            check(len(values) <= 100, "completion is bounded", len(values))
            given[argument["name"]] = values[0] if values else "something"
        messages = await peer.prompt(prompt["name"], given)
        text = messages[0]["content"]["text"]
        for value in given.values():
            check(value in text, f"{value} is in the prompt {prompt['name']}", text)

    resources = await peer.resources()
    check(resources, "there are resources")
    for resource in resources:
        await readable(peer, resource["uri"], resource["mimeType"])
    for template in await peer.templates():
        uri = template["uriTemplate"]
        reference = peer.types.ResourceTemplateReference(type="ref/resource", uri=uri)
        for name in re.findall(r"\{\+?(\w+)\}", uri):
            values = await peer.complete(reference, name, "")
            if values:
                uri = re.sub(r"\{\+?" + name + r"\}", values[0], uri)
        # There are no projects to read from here.
        if "{" not in uri:
            await readable(peer, uri, template["mimeType"])
    return len(names), len(prompts), len(resources)


async def readable(peer, uri, media_type):
    (content,) = await peer.read(uri)
    text = content["text"]
    check(content["mimeType"] == media_type and 10 < len(text) <= LARGEST, f"{uri} can be read", len(text))
    if media_type == "application/json":
        check(json.loads(text), f"{uri} is JSON")


async def main(client, server, transport, workdir, *target):
    async with asyncio.timeout(60), connected(client, transport, workdir, list(target)) as peer:
        counts = await everything(peer, server)
    print(f"ok: {client} {version(client)} with {server} over {transport}: %s tools, %s prompts, %s resources" % counts)


if __name__ == "__main__":
    if len(sys.argv) < 6 or sys.argv[1] not in ("mcp", "fastmcp") or sys.argv[3] not in ("stdio", "http"):
        sys.exit(__doc__)
    asyncio.run(main(*sys.argv[1:]))
