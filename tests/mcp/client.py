"""The main job through the Python MCP client: list, plan, generate, check, with a project on disk at the end.

One script for both generations of the `mcp` package (1.x, which speaks the revisions with a handshake, and
2.x, which speaks the stateless one) and both transports. Exits 0 and prints one line if all is well.

usage: client.py stdio WORKDIR COMMAND...     the server writes below WORKDIR, its working directory
       client.py http WORKDIR URL             the server returns the files, and this script writes them
"""

import asyncio
import base64
import contextlib
import io
import json
import os
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

import mcp
from mcp import StdioServerParameters

MODERN = int(version("mcp").split(".")[0]) >= 2
INPUTS = {
    "projectName": "churn",
    "deploymentConfig": "http-flask",
    "deploymentTarget": "managed-inference",
    "framework": "sklearn",
}
forms = []


def check(condition, message, detail=None):
    """Fails with everything that is known; `assert` would go away under -O."""
    if not condition:
        raise SystemExit(f"FAILED: {message}\n{json.dumps(detail, indent=1, default=str)[:4000]}")


async def fill_in(_context, params):
    """Answers a form as a user would."""
    asked = params.model_dump(by_alias=True)["requestedSchema"]["properties"]
    forms.append(sorted(asked))
    return mcp.types.ElicitResult(action="accept", content={key: INPUTS[key] for key in asked})


class Peer:
    """What is used of a client, the same for both generations."""

    def __init__(self, client):
        self.client = client

    async def tools(self):
        return [tool.model_dump(by_alias=True) for tool in (await self.client.list_tools()).tools]

    async def call(self, name, arguments, error=False):
        """The structured answer. The client itself holds it against the tool's output schema."""
        result = (await self.client.call_tool(name, arguments)).model_dump(by_alias=True)
        check(bool(result["isError"]) == error, f"{name} is{' not' if error else ''} an error", result)
        check(result["content"] and result["content"][0]["text"], f"{name} answers in text too", result)
        return result["structuredContent"]


@contextlib.asynccontextmanager
async def connected(target):
    """A client of whichever generation is installed."""
    if MODERN:
        async with mcp.Client(target, elicitation_callback=fill_in) as client:
            check(client.session.protocol_version == "2026-07-28", "the current revision is spoken")
            yield Peer(client)
        return
    if isinstance(target, str):
        from mcp.client.streamable_http import streamable_http_client

        transport = streamable_http_client(target)
    else:
        transport = mcp.stdio_client(target)
    async with transport as (read, write, *_), mcp.ClientSession(
        read, write, elicitation_callback=fill_in
    ) as session:
        started = await session.initialize()
        check(len(started.instructions) < 2048, "the instructions are short", len(started.instructions))
        yield Peer(session)


async def main_job(peer, workdir, writes):
    names = [tool["name"] for tool in await peer.tools()]
    for name in ("list_deployments", "plan_project", "generate_project", "check_project"):
        check(name in names, f"{name} is there", names)

    listed = await peer.call("list_deployments", {})
    configs = [config["name"] for config in listed["deploymentConfigs"]]
    targets = [target["name"] for target in listed["deploymentTargets"]]
    check(INPUTS["deploymentConfig"] in configs and INPUTS["deploymentTarget"] in targets, "listed", listed)

    # Nothing said: what is missing comes back as questions with choices.
    asked = await peer.call("plan_project", {"deploymentConfig": INPUTS["deploymentConfig"]})
    questions = {question["key"]: question for question in asked["questions"]}
    check(asked["status"] == "needs_input", "what is missing is asked for", asked)
    check("sklearn" in questions["framework"]["choices"], "with the choices", questions)

    # Something wrong: the reason, and what would be right.
    wrong = await peer.call("plan_project", {**INPUTS, "deploymentTarget": "managed-inferense"})
    check(wrong["status"] == "refused", "a wrong value is refused", wrong)
    finding = next(finding for finding in wrong["findings"] if finding["severity"] == "error")
    check(finding["choices"][0] == "managed-inference", "with the nearest valid one", finding)
    unknown = await peer.call("generate_project", {**INPUTS, "projektName": "x"}, error=True)
    check("projectName" in json.dumps(unknown["findings"]), "a misspelt input is named", unknown)

    # A secret goes nowhere.
    token = "hf_" + "a1B2" * 9
    secret = await peer.call("plan_project", {**INPUTS, "modelEnv": {"HF_TOKEN": token}}, error=True)
    check(secret["error"]["code"] == "secret_refused", "secrets are refused", secret)
    check(token not in json.dumps(secret), "and not repeated")

    plan = await peer.call("plan_project", {**INPUTS, "detail": "full"})
    planned = sorted(file["path"] for file in plan["fileDetails"])
    check(plan["status"] == "ready" and "Dockerfile" in planned, "the plan is ready", plan)
    sources = {value["key"]: value.get("source") for value in plan["inputs"]}
    check(sources["region"] and sources["framework"] is None, "values that nobody gave have sources", sources)

    if writes:
        folder = await generate_on_server(peer, workdir)
    else:
        folder = await generate_from_answer(peer, workdir)
    check((folder / "do" / "deploy").stat().st_mode & 0o111, "scripts can be run")
    check((folder / "Dockerfile").read_text().startswith(("#", "FROM", "ARG")), "the Dockerfile is one")
    check(planned == files_of(folder), "what was planned is on disk", files_of(folder))

    # What was generated is sound, until somebody edits it.
    what = {"directory": "churn"} if writes else {"files": texts_of(folder)}
    sound = await peer.call("check_project", what)
    check(sound["status"] == "ok" and sound["drift"] == [], "the project is sound", sound)
    readme = folder / "README.md"
    readme.write_text(readme.read_text() + "\nMine.\n")
    what = {"directory": "churn"} if writes else {"files": texts_of(folder)}
    drifted = await peer.call("check_project", {**what, "detail": "full"})
    edited = {file["path"]: file for file in drifted["drift"]}
    check(list(edited) == ["README.md"] and edited["README.md"]["edited"], "the edit is seen", drifted)
    check("-Mine." in edited["README.md"]["diff"], "with its diff", drifted)
    return folder


async def generate_on_server(peer, workdir):
    """The server writes the folder; it does so once, and below its root only."""
    if MODERN:
        # What is missing is asked of the user in the middle of the call.
        some = {key: INPUTS[key] for key in ("projectName", "deploymentConfig", "deploymentTarget")}
        written = await peer.call("generate_project", some)
        check(forms == [["framework"]], "one form was shown", forms)
    else:
        missing = await peer.call("generate_project", {"deploymentConfig": "http-flask"})
        check(missing["status"] == "needs_input" and forms == [], "no form at this revision", missing)
        written = await peer.call("generate_project", INPUTS)
    check(written["status"] == "written", "the project is written", written)
    folder = Path(written["directory"])
    check(folder == Path(os.path.realpath(workdir)) / "churn", "where it belongs", written)

    again = await peer.call("generate_project", INPUTS, error=True)
    check(again["error"]["code"] == "folder_not_empty", "it is not overwritten", again)
    same = await peer.call("generate_project", {**INPUTS, "onExisting": "update"})
    check(same["status"] == "unchanged", "the same inputs change nothing", same)
    for escape in ("../out", "/tmp/out", "a/../../out"):
        out = await peer.call("generate_project", {**INPUTS, "outputDirectory": escape}, error=True)
        check(out["error"]["code"] == "outside_roots", f"{escape} is refused", out)
    return folder


async def generate_from_answer(peer, workdir):
    """The server returns the project, page by page and in one piece, and both are the same."""
    folder = Path(workdir) / "churn"
    arguments = dict(INPUTS)
    while True:
        page = await peer.call("generate_project", arguments)
        check(page["status"] == "returned" and "directory" not in page, "nothing is written", page)
        check(len(json.dumps(page["contents"])) < 100_000, "pages are small enough for a model")
        for file in page["contents"]:
            path = folder / file["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            content = file["content"]
            path.write_bytes(base64.b64decode(content) if file["encoding"] == "base64" else content.encode())
            path.chmod(0o755 if file["executable"] else 0o644)
        if "nextCursor" not in page:
            break
        arguments["cursor"] = page["nextCursor"]

    archive = (await peer.call("generate_project", {**INPUTS, "returnAs": "archive"}))["archive"]
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(archive["data"]))) as tar:
        packed = {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}
    on_disk = {f"churn/{path}": (folder / path).read_bytes() for path in files_of(folder)}
    check(packed == on_disk, "pages and archive agree", sorted(set(packed) ^ set(on_disk)))

    refused = await peer.call("generate_project", {**INPUTS, "returnAs": "directory"}, error=True)
    check(refused["error"]["code"] == "no_disk_access", "there is nowhere to write", refused)
    return folder


def files_of(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def texts_of(folder):
    return {path: (folder / path).read_text() for path in files_of(folder)}


async def main(transport, workdir, *target):
    if transport == "stdio":
        command, *arguments = target
        target = StdioServerParameters(command=command, args=arguments, cwd=workdir)
    else:
        (target,) = target
    async with asyncio.timeout(60), connected(target) as peer:
        await main_job(peer, workdir, writes=transport == "stdio")
    print(f"ok: mcp {version('mcp')} over {transport}")


if __name__ == "__main__":
    if len(sys.argv) < 4 or sys.argv[1] not in ("stdio", "http"):
        sys.exit(__doc__)
    asyncio.run(main(*sys.argv[1:]))
