#!/usr/bin/env python3
"""Reads the command line options of SGLang into catalogs/data/engine_options.json, beside those of other engines.

usage: sglang_options.py SGLANG_WHEEL_TREE [OUTPUT]

The tree is an unpacked wheel of SGLang (it has sglang/ and sglang-VERSION.dist-info/). Nothing of it is imported or
run: options are the annotated fields of ServerArgs, read with ast by the rules of sglang/srt/arg_groups/arg_utils.py,
and what add_cli_args registers itself. Deprecated names are left out.
"""

import ast
import pathlib
import re
import sys

from engine_options import constant, merge, row

SERVER_ARGS = "sglang/srt/server_args.py"
# What type_parser makes of one word.
PARSERS = {"human_readable_int": "size", "json.loads": "json", "json_list_type": "json"}


def constants(module):
    """Lists of words at the top of the module, by name; sums and copies of such lists too."""
    found = {}
    for node in module.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            words = listed(node.value, found)
            if words:
                found[node.targets[0].id] = words
    return found


def listed(node, known):
    if isinstance(node, ast.Name):
        return known.get(node.id, [])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = listed(node.left, known), listed(node.right, known)
        return left + right if left and right else []
    if isinstance(node, (ast.List, ast.Set, ast.Tuple)):
        words = [item.value if isinstance(item, ast.Constant) else None for item in node.elts]
        return [str(word) for word in words] if words and None not in words else []
    return []


def field_option(node, known):
    """The option of one annotated field, and its other names; None for fields without."""
    annotation = node.annotation
    if not (isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) in ("A", "Annotated")):
        return None
    parts = annotation.slice.elts
    told = next((part for part in parts[1:] if isinstance(part, ast.Call) and ast.unparse(part.func) == "Arg"), None)
    if told is None and not any(isinstance(part, (ast.Constant, ast.JoinedStr)) for part in parts[1:]):
        return None
    arg = {keyword.arg: keyword.value for keyword in told.keywords} if told else {}
    if "no_cli" in arg:
        return None
    name = ast.literal_eval(arg["cli_name"]) if "cli_name" in arg else node.target.id.replace("_", "-")
    kind, choices = classify(ast.unparse(parts[0]), arg, known)
    default = constant(node.value) if node.value is not None and kind != "switch" else None
    aliases = ast.literal_eval(arg["aliases"]) if "aliases" in arg else []
    return [row(flag, kind, choices, default, "sglang") for flag in [name, *aliases]]


def classify(hint, arg, known):
    """Kind and choices, in the order in which SGLang tries them."""
    hint = re.sub(r"^Optional\[(.*)\]$", r"\1", hint)
    if "action" in arg:
        action = ast.unparse(arg["action"])
        kwargs = ast.unparse(arg["action_kwargs"]) if "action_kwargs" in arg else ""
        if "store_true" in action:
            return "switch", []
        return ("flag", []) if "BooleanOptional" in action else ("list" if "nargs" in kwargs else "string", [])
    choices = listed(arg["choices"], known) if "choices" in arg else []
    if match := re.fullmatch(r"Literal\[(.*)\]", hint):
        return "choice", choices or [str(word) for word in ast.literal_eval(f"[{match[1]}]")]
    parser = ast.unparse(arg["type_parser"]) if "type_parser" in arg else None
    if parser is None and (re.match(r"(List|list)\[", hint) or ast.unparse(arg.get("nargs", ast.Constant(0))) in ("'*'", "'+'")):
        return "list", []
    if hint == "bool":
        return "switch", []
    if "choices" in arg:
        return "choice", choices
    return PARSERS.get(parser, {"int": "int", "float": "float"}.get(hint, "string")), []


def registered(function):
    """What add_cli_args registers one by one and is not deprecated."""
    for node in ast.walk(function):
        if not (isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".add_argument")):
            continue
        given = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
        if "Deprecated" in ast.unparse(given["action"]) if "action" in given else False:
            continue
        kind = "choice" if "choices" in given else "string"
        yield row(node.args[0].value, kind, [], None, "sglang")


def main():
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    root = pathlib.Path(sys.argv[1])
    metadata = next(root.glob("sglang-*.dist-info")) / "METADATA"
    version = re.search(r"^Version: (\S+)$", metadata.read_text(), re.MULTILINE)[1]
    module = ast.parse((root / SERVER_ARGS).read_text())
    known = constants(module)
    args = next(node for node in module.body if isinstance(node, ast.ClassDef) and node.name == "ServerArgs")
    options = {}
    for node in args.body:
        if isinstance(node, ast.AnnAssign):
            for item in field_option(node, known) or []:
                options[item["name"]] = item
        elif isinstance(node, ast.FunctionDef) and node.name == "add_cli_args":
            for item in registered(node):
                options.setdefault(item["name"], item)
    output = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else None
    merge("sglang", version, SERVER_ARGS, options.values(), output)


if __name__ == "__main__":
    main()
