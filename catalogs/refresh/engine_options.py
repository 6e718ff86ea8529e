#!/usr/bin/env python3
"""Reads the command line options of a vLLM source tree into catalogs/data/engine_options.json, beside those of other engines.

usage: engine_options.py VLLM_SOURCE_TREE [OUTPUT]

The tree is an unpacked source distribution of vLLM (it has PKG-INFO and vllm/). Nothing of it is
imported or run: options are registered from dataclass fields, whose annotations are read with ast
and classified by the same rules that vllm/engine/arg_utils.py applies to them.
"""

import ast
import datetime
import json
import pathlib
import re
import sys

ENGINE_ARGS = "vllm/engine/arg_utils.py"
FRONTEND_ARGS = "vllm/entrypoints/openai/cli_args.py"
FRONTEND_CLASSES = ("BaseFrontendArgs", "FrontendArgs")


class Tree:
    """Classes, type aliases and enumerations of the tree, by name."""

    def __init__(self, root):
        self.classes, self.aliases = {}, {}
        for path in sorted((root / "vllm").rglob("*.py")):
            text = path.read_text(encoding="utf-8", errors="replace")
            # Only what declares configuration; the rest of the tree is large.
            if "Literal" not in text and "@config" not in text and "dataclass" not in text:
                continue
            config = "config" in path.parts or path.as_posix().endswith((ENGINE_ARGS, FRONTEND_ARGS))
            for node in ast.parse(text).body:
                if isinstance(node, ast.ClassDef):
                    self._keep(self.classes, node.name, node, config)
                elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    self._keep(self.aliases, node.targets[0].id, node.value, config)
                elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
                    self._keep(self.aliases, node.target.id, node.value, config)

    @staticmethod
    def _keep(table, name, node, preferred):
        if preferred or name not in table:
            table[name] = node

    def fields(self, name):
        """Annotation and default of each field of a class, by field name."""
        node = self.classes[name]
        found = {}
        for base in node.bases:
            if isinstance(base, ast.Name) and base.id in self.classes:
                found.update(self.fields(base.id))
        for item in node.body:
            if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                found[item.target.id] = (item.annotation, item.value)
        return found

    def is_dataclass(self, name):
        decorators = [ast.unparse(d) for d in self.classes[name].decorator_list]
        return any("config" in d or "dataclass" in d for d in decorators)


def hints(tree, node, seen=()):
    """The simple types that an annotation allows: names, and ("Literal", values)."""
    if isinstance(node, ast.Constant):
        return hints(tree, ast.parse(node.value, mode="eval").body, seen) if isinstance(node.value, str) else {"None"}
    if isinstance(node, ast.BinOp):
        return hints(tree, node.left, seen) | hints(tree, node.right, seen)
    if isinstance(node, ast.Subscript):
        origin = ast.unparse(node.value).split(".")[-1]
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if origin == "Literal":
            return {("Literal", tuple(flatten_literal(tree, items)))}
        if origin in ("Optional", "Union", "SkipValidation", "InitVar"):
            found = {"None"} if origin == "Optional" else set()
            for item in items:
                found |= hints(tree, item, seen)
            return found
        if origin == "Annotated":
            return hints(tree, items[0], seen)
        return {origin}
    name = ast.unparse(node).split(".")[-1]
    if name in tree.aliases and name not in seen and name not in tree.classes:
        return hints(tree, tree.aliases[name], (*seen, name))
    return {name}


def flatten_literal(tree, items):
    for item in items:
        if isinstance(item, ast.Constant):
            yield item.value
        else:
            for hint in hints(tree, item):
                if isinstance(hint, tuple):
                    yield from hint[1]


SIZES = {"max_model_len", "max_num_batched_tokens", "max_num_scheduled_tokens", "kv_cache_memory_bytes", "safetensors_prefetch_block_size"}


def classify(tree, name, annotation):
    """Kind and choices of a field, in the order in which vLLM tries them."""
    found = hints(tree, annotation)
    names = {hint for hint in found if isinstance(hint, str)}
    literals = [hint for hint in found if isinstance(hint, tuple)]
    if any(n in tree.classes and tree.is_dataclass(n) for n in names):
        return "json", []
    if found == {"bool", "str", "None"}:
        return "string", []
    if "bool" in names:
        return "flag", []
    if literals:
        values = {value for _, values in literals for value in values}
        choices = [str(value) for value in sorted(values, key=lambda v: (isinstance(v, str), v))]
        return ("string", []) if "str" in names else ("choice", choices)
    if names & {"tuple", "list", "set", "Tuple", "List", "Set", "Sequence"}:
        return "list", []
    if "int" in names:
        return ("size" if name in SIZES else "int"), []
    if "float" in names:
        return "float", []
    if names & {"dict", "Dict"}:
        return "json", []
    return "string", []


def constant(node):
    """A default that can be written down, as text; None for what is worked out."""
    if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Field":
        node = next((k.value for k in node.keywords if k.arg == "default"), node.args[0] if node.args else None)
    if not isinstance(node, (ast.Constant, ast.UnaryOp)):
        return None
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    if value is None or value == "" or value is ...:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def option(tree, flag, cls, field, overridden):
    annotation, default = tree.fields(cls)[field]
    kind, choices = classify(tree, field, annotation)
    if (cls, field) in overridden:
        kind, choices = overridden[cls, field], []
    return row(flag, kind, choices, constant(default))


def row(flag, kind, choices, default, engine="vllm"):
    made = {"engine": engine, "name": flag.lstrip("-"), "kind": kind}
    if choices:
        made["choices"] = choices
    if default is not None:
        made["default"] = default
    return made


def explicit(flag, call):
    """An option that is registered without a dataclass field."""
    given = {k.arg: k.value for k in call.keywords if k.arg}
    action = ast.unparse(given["action"]) if "action" in given else ""
    if "store_true" in action:
        return row(flag, "switch", [], None)
    if "BooleanOptional" in action:
        return row(flag, "flag", [], constant(given.get("default")))
    if "choices" in given:
        return row(flag, "choice", [str(v) for v in ast.literal_eval(given["choices"])], constant(given.get("default")))
    kind = {"int": "int", "float": "float"}.get(ast.unparse(given["type"]) if "type" in given else "", "string")
    return row(flag, kind, [], constant(given.get("default")))


def engine_options(tree, path):
    """What add_cli_args and make_arg_parser register one by one."""
    module = ast.parse(path.read_text())
    for function in [n for n in ast.walk(module) if isinstance(n, ast.FunctionDef) and n.name in ("add_cli_args", "make_arg_parser")]:
        classes, single, overridden = {}, {}, {}
        for node in ast.walk(function):
            if not isinstance(node, ast.Assign):
                continue
            target, value = ast.unparse(node.targets[0]), ast.unparse(node.value)
            if match := re.fullmatch(r"get_kwargs\((\w+)\)", value):
                classes[target] = match[1]
        for node in ast.walk(function):
            if not isinstance(node, ast.Assign):
                continue
            target, value = ast.unparse(node.targets[0]), ast.unparse(node.value)
            if (match := re.fullmatch(r"(\w+)\['(\w+)'\]", value)) and match[1] in classes:
                single[target] = (classes[match[1]], match[2])
            if (match := re.fullmatch(r"(\w+)\['(\w+)'\]\['type'\]", target)) and match[1] in classes and "json" in value:
                overridden[classes[match[1]], match[2]] = "json"
        for node in ast.walk(function):
            if not (isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".add_argument")):
                continue
            flag = next((a.value for a in node.args if isinstance(a, ast.Constant) and str(a.value).startswith("--")), None)
            if flag is None:
                continue
            spread = next((k.value for k in node.keywords if k.arg is None), None)
            if spread is None:
                yield explicit(flag, node)
                continue
            if isinstance(spread, ast.Dict):  # {**kwargs["field"], "default": None}
                spread = next(v for k, v in zip(spread.keys, spread.values) if k is None)
            text = ast.unparse(spread)
            if match := re.fullmatch(r"(\w+)\['(\w+)'\]", text):
                yield option(tree, flag, classes[match[1]], match[2], overridden)
            elif text in single:
                yield option(tree, flag, *single[text], overridden)
            elif text != "value":
                raise SystemExit(f"{path}: {flag}: do not know where `{text}` comes from")


def frontend_options(tree, path):
    """What the frontend classes register from all their fields, with the types that they override."""
    overridden = {}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Assign):
            target, value = ast.unparse(node.targets[0]), ast.unparse(node.value)
            if match := re.fullmatch(r"frontend_kwargs\['(\w+)'\]\['type'\]", target):
                overridden[match[1]] = "json" if "json" in value else "list"
    for name, (annotation, default) in tree.fields(FRONTEND_CLASSES[-1]).items():
        kind, choices = classify(tree, name, annotation)
        if name in overridden:
            kind, choices = overridden[name], []
        yield row("--" + name.replace("_", "-"), kind, choices, constant(default))


def write(document, path):
    """One row on a line, so that a change of an option is a change of a line."""
    dump = lambda value: json.dumps(value, ensure_ascii=False)
    parts = []
    for key, value in document.items():
        if isinstance(value, list):
            value = "[\n" + ",\n".join("    " + dump(item) for item in value) + "\n  ]"
        else:
            value = dump(value)
        parts.append(f"  {dump(key)}: {value}")
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n")


def main():
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    root = pathlib.Path(sys.argv[1])
    version = re.search(r"^Version: (\S+)$", (root / "PKG-INFO").read_text(), re.MULTILINE)[1]
    tree = Tree(root)
    options = {}
    for found in (frontend_options(tree, root / FRONTEND_ARGS), engine_options(tree, root / FRONTEND_ARGS), engine_options(tree, root / ENGINE_ARGS)):
        for item in found:
            options.setdefault(item["name"], item)
    output = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else None
    merge("vllm", version, f"{ENGINE_ARGS}, {FRONTEND_ARGS}", options.values(), output)


def merge(engine, version, read_from, options, output=None):
    """Replace the rows of one engine; those of others stay."""
    path = output or pathlib.Path(__file__).resolve().parent.parent / "data" / "engine_options.json"
    before = json.loads(path.read_text()) if path.exists() else {"sources": [], "options": []}
    source = {"engine": engine, "version": version, "read_from": read_from}
    others = lambda key: [row for row in before[key] if row["engine"] != engine]
    sources = sorted([*others("sources"), source], key=lambda row: row["engine"])
    options = sorted(options, key=lambda row: row["name"])
    rows = sorted([*others("options"), *options], key=lambda row: row["engine"])
    releases = ", ".join(f"{row['engine']} {row['version']}" for row in sources)
    document = {
        "as_of": datetime.date.today().isoformat(),
        "source": f"command lines of the distributions of {releases}, read without running them",
        "sources": sources,
        "options": rows,
    }
    write(document, path)
    print(f"{path}: {len(options)} options of {engine} {version}", file=sys.stderr)


if __name__ == "__main__":
    main()
