"""A request's JSON, read strictly: one object, UTF-8, finite numbers.

Reading JSON holds Python's lock from its first byte to its last, in a thread as well, and takes many times the
memory of its text. So the front reads small bodies itself and gives large ones to this file, run as a program:
it reads a body from stdin and prints what the front needs of it.
"""

from __future__ import annotations

import gc
import json
import math
import re
import resource
import secrets
import sys
from typing import Any, NoReturn

# Members of an outline, and characters of a text in it.
MOST_MEMBERS = 1000
MOST_TEXT = 4096
# Names that a field of a form may have.
FIELD = re.compile(r"[A-Za-z0-9_\-\[\]]{1,100}")


class NoBody(ValueError):
    """This is not a JSON object; the message says why."""


def read(data: bytes | bytearray) -> dict[str, Any]:
    try:
        found = json.loads(data.decode("utf-8-sig"), parse_float=finite, parse_constant=no_constant)
    except RecursionError:
        raise NoBody("the body is nested too deeply") from None
    except MemoryError:
        raise NoBody("the body has too many values") from None
    except ValueError as error:
        raise NoBody(f"the body is not valid JSON: {error}") from None
    if not isinstance(found, dict):
        raise NoBody("the body must be one JSON object")
    if len(found) > MOST_MEMBERS:
        raise NoBody(f"the body has over {MOST_MEMBERS} members")
    return found


def finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("a number is too large")
    return value


def no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")


def outline(found: dict[str, Any]) -> dict[str, Any]:
    """The members, with what is long or nested cut out."""
    return {name: cut(value) for name, value in found.items() if len(name) <= MOST_TEXT}


def cut(value: Any) -> Any:
    if isinstance(value, str) and len(value) > MOST_TEXT:
        # Blank stays blank, whatever comes after the cut.
        return value[:MOST_TEXT] if value[:MOST_TEXT].strip() else value.strip()[:MOST_TEXT] or " "
    if isinstance(value, (dict, list)):
        return type(value)()
    return value


def form(found: dict[str, Any]) -> tuple[bytes, str]:
    """The members as multipart/form-data, and its content type; what is nested stays JSON."""
    boundary = secrets.token_hex(16)
    parts = []
    for name, value in found.items():
        if FIELD.fullmatch(name) is None:
            raise NoBody(f"{name[:100]!r} cannot be the name of a field")
        if value is None:
            continue
        text = value if isinstance(value, str) else json.dumps(value)
        parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n')
    body = "".join(parts) + f"--{boundary}--\r\n"
    return body.encode("utf-8", "replace"), f"multipart/form-data; boundary={boundary}"


def main(most_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))
    gc.disable()
    try:
        answer = {"outline": outline(read(sys.stdin.buffer.read()))}
    except NoBody as error:
        answer = {"error": str(error)}
    except MemoryError:
        answer = {"error": "the body has too many values"}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main(int(sys.argv[1]))
