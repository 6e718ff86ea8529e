"""Every tool through a Python client, with as little as it takes (minimal.json), and with null for all that is left out.

Some clients add the nulls themselves: CrewAI's adapter and mcp-use make a class of a tool's schema, in which what is
not given is None. Through the others it is shown that an answer is the same with nulls and without. Exits 0 and prints
one line if all is well.

usage: sweep.py CLIENT stdio WORKDIR COMMAND...     CLIENT is mcp, fastmcp, mcp-use or crewai
       sweep.py CLIENT http WORKDIR URL
"""

import asyncio
import contextlib
import json
import os
import sys
from importlib.metadata import version
from pathlib import Path

MINIMAL = json.loads((Path(__file__).parent / "minimal.json").read_text())
FASTEST = 60


class Failed(Exception):
    pass


def check(condition, message, detail=None):
    """Fails with everything that is known; `assert` would go away under -O."""
    if not condition:
        raise Failed(f"{message}\n{detail if isinstance(detail, str) else json.dumps(detail, default=str)}"[:3000])


@contextlib.asynccontextmanager
async def of_mcp(transport, workdir, target):
    """The SDK's own client, of any generation: tools with their schemas, and a call."""
    import mcp

    old = int(version("mcp").split(".")[0]) < 2
    if transport == "stdio":
        where = mcp.StdioServerParameters(command=target[0], args=target[1:], cwd=workdir)
    else:
        (where,) = target
    async with contextlib.AsyncExitStack() as stack:
        if not old:
            client = await stack.enter_async_context(mcp.Client(where))
        else:
            if transport == "stdio":
                streams = mcp.stdio_client(where)
            else:
                from mcp.client import streamable_http

                connect = getattr(streamable_http, "streamable_http_client", None)
                streams = (connect or streamable_http.streamablehttp_client)(where)
            read, write, *_ = await stack.enter_async_context(streams)
            client = await stack.enter_async_context(mcp.ClientSession(read, write))
            await client.initialize()

        async def call(name, arguments):
            result = (await client.call_tool(name, arguments)).model_dump(by_alias=True)
            return bool(result["isError"]), result["content"][0]["text"]

        listed = (await client.list_tools()).tools
        yield [tool.model_dump(by_alias=True) for tool in listed], call


@contextlib.asynccontextmanager
async def of_fastmcp(transport, workdir, target):
    from fastmcp import Client
    from fastmcp.client.transports import StdioTransport

    if transport == "stdio":
        where = StdioTransport(command=target[0], args=target[1:], cwd=workdir, keep_alive=False)
    else:
        (where,) = target
    async with Client(where) as client:

        async def call(name, arguments):
            result = await client.call_tool(name, arguments, raise_on_error=False)
            return result.is_error, result.content[0].text

        yield [tool.model_dump(by_alias=True) for tool in await client.list_tools()], call


async def sweep_of_sdk(client, transport, workdir, target):
    async with client(transport, workdir, target) as (tools, call):
        names = [tool["name"] for tool in tools]
        check(sorted(names) == sorted(MINIMAL), "minimal.json has exactly the tools that there are", names)
        wrong = []
        for name, schema in ((tool["name"], tool["inputSchema"]) for tool in tools):
            given = dict(MINIMAL[name])
            failed, text = await call(name, given)
            # Without a root there is no folder to check.
            fails = name == "check_project" and transport == "http"
            check(failed == fails, f"{name} takes {given}", text)
            if name == "generate_project":
                given["projectName"] = "again"
            nulls = {key: None for key in schema["properties"] if key not in given}
            with_nulls = await call(name, {**given, **nulls})
            if with_nulls[0] != failed or (name != "generate_project" and with_nulls[1] != text):
                wrong.append(f"{name}: {with_nulls[1][:300]}")
        check(not wrong, f"nulls change the answers of {len(wrong)} of {len(tools)} tools", "\n".join(wrong))
        return len(tools)


def told(answers, transport):
    """What a client that adds nulls was answered: text, whatever it makes of errors."""
    wrong = []
    for name, text in answers.items():
        if name == "check_project" and transport == "http":
            if "no_disk_access" not in text:
                wrong.append(f"{name}: {text[:300]}")
        elif "Error (" in text[:200] or text.startswith("{'error'"):
            wrong.append(f"{name}: {text[:300]}")
    check(not wrong, f"{len(wrong)} of {len(answers)} tools refuse what this client sends", "\n".join(wrong))
    return len(answers)


async def sweep_of_mcp_use(transport, workdir, target):
    os.environ["MCP_USE_ANONYMIZED_TELEMETRY"] = "false"
    from mcp_use import MCPClient
    from mcp_use.agents.adapters.langchain_adapter import LangChainAdapter

    stdio = {"command": target[0], "args": [*target[1:], "--root", workdir]}
    where = stdio if transport == "stdio" else {"url": target[0]}
    client = MCPClient(config={"mcpServers": {"mcc": where}})
    try:
        adapter = LangChainAdapter()
        await adapter.create_all(client)
        tools = {tool.name: tool for tool in adapter.tools}
        check(sorted(tools) == sorted(MINIMAL), "minimal.json has exactly the tools that there are", list(tools))
        answers = {name: str(await tools[name].ainvoke(dict(given))) for name, given in MINIMAL.items()}
    finally:
        await client.close_all_sessions()
    return told(answers, transport)


def sweep_of_crewai(transport, workdir, target):
    os.environ.update(CREWAI_DISABLE_TELEMETRY="true", OTEL_SDK_DISABLED="true", HOME=workdir)
    from crewai_tools.adapters.mcp_adapter import MCPServerAdapter
    from mcp import StdioServerParameters

    if transport == "stdio":
        where = StdioServerParameters(command=target[0], args=[*target[1:], "--root", workdir], cwd=workdir)
    else:
        where = {"url": target[0], "transport": "streamable-http"}
    with MCPServerAdapter(where) as tools:
        tools = {tool.name: tool for tool in tools}
        check(sorted(tools) == sorted(MINIMAL), "minimal.json has exactly the tools that there are", list(tools))
        answers = {name: str(tools[name].to_structured_tool().invoke(dict(given))) for name, given in MINIMAL.items()}
    return told(answers, transport)


def main(client, transport, workdir, *target):
    os.chdir(workdir)
    if client == "crewai":
        package, count = "crewai-tools", sweep_of_crewai(transport, workdir, list(target))
    else:
        package = client
        if client == "mcp-use":
            work = sweep_of_mcp_use(transport, workdir, list(target))
        else:
            peers = {"mcp": of_mcp, "fastmcp": of_fastmcp}
            work = sweep_of_sdk(peers[client], transport, workdir, list(target))
        count = asyncio.run(asyncio.wait_for(work, FASTEST))
    print(f"ok: {package} {version(package)} over {transport}: {count} tools")


def reason(error):
    """The check that failed, out of the groups that clients wrap errors in."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


if __name__ == "__main__":
    if len(sys.argv) < 5 or sys.argv[2] not in ("stdio", "http"):
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except BaseException as error:
        if isinstance(reason(error), Failed):
            sys.exit(f"FAILED: {reason(error)}")
        raise
