"""What the columns of a model are, and records as columns of that.

A type comes from the model itself (fitted categories, the kind of its first step), or from a `columns.json` beside
the model, never from how a value looks. So a record's answer depends on that record alone.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from codec import BadInput, Cell

NUMBER, INTEGER, BOOLEAN, TEXT, CATEGORY, ANY = "number", "integer", "boolean", "text", "category", "any"
TYPES = (NUMBER, INTEGER, BOOLEAN, TEXT, CATEGORY, ANY)
# What pandas calls them.
DTYPES = {"object": TEXT, "str": TEXT, "string": TEXT, "bool": BOOLEAN, "float": NUMBER, "int": INTEGER}
DECLARED = "columns.json"  # beside the model, by its author
FACTS = "model-facts.json"  # beside the model, by the check of the image build
NOTHING = {"", "na", "nan", "null"}  # cells of a column of numbers that hold none


@dataclass(frozen=True)
class Column:
    """A column: its type, and for a category all that it may be. `none` says that a missing text is None, not NaN."""

    type: str = ANY
    categories: tuple[Any, ...] | None = None
    none: bool = False
    required: bool = False  # a missing text is refused
    closed: bool = False  # what is none of the categories is refused, not taken for missing

    @property
    def varies(self) -> bool:
        """Whether the type of the column in a table depends on the values in it."""
        return self.type in (ANY, INTEGER)


@dataclass
class Facts:
    """What is known of a model without a request."""

    names: list[str] = field(default_factory=list)  # of its features, if it knows them
    columns: list[Column] | None = None  # None: not even how many there are
    takes: str = "rows"  # or "texts": each record is a text; or "objects": each is an object of any features
    frame: bool = False  # takes a table with names
    missing: float | None = None  # the number that means a missing one
    methods: list[str] = field(default_factory=list)
    classes: list[Any] | None = None

    def as_json(self) -> dict[str, Any]:
        facts = {key: value for key, value in vars(self).items() if key != "columns"}
        if self.columns is not None:
            facts["columns"] = [vars(column) for column in self.columns]
        return facts


def from_json(document: dict[str, Any]) -> Facts:
    """The inverse of `as_json`."""
    columns = document.get("columns")
    if columns is not None:
        columns = [Column(**{**c, "categories": c["categories"] and tuple(c["categories"])}) for c in columns]
    return Facts(**{**document, "columns": columns})


def digest(path: Path) -> str:
    """What tells a model file, and what is declared for it, from others."""
    found = hashlib.sha256()
    for file in (path, path.parent / DECLARED):
        if file.is_file():
            with file.open("rb") as opened:
                while block := opened.read(2**20):
                    found.update(block)
    return found.hexdigest()


def facts_of(path: Path, describe: Callable[[], Facts]) -> Facts:
    """The facts that the build's check wrote for this very model; where there are none they are read from it again."""
    try:
        kept = json.loads((path.parent / FACTS).read_text(encoding="utf-8"))
        if kept["model"] == digest(path):
            return from_json(kept["facts"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return declared(path.parent / DECLARED, describe())


def declared(path: Path, facts: Facts) -> Facts:
    """`facts`, with what a columns.json says of the columns instead of what the model does not know."""
    if not path.is_file():
        return facts
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
        if not isinstance(document, dict) or document.keys() - {"columns", "missing"}:
            raise ValueError('it must be an object with "columns", "missing" or both')
        missing = document.get("missing")
        if missing is not None and (isinstance(missing, bool) or not isinstance(missing, (int, float))):
            raise ValueError('"missing" must be a number')
        facts.missing = missing
        if "columns" in document:
            pairs = [_declared_column(number, entry) for number, entry in enumerate(document["columns"], start=1)]
            names = [name for name, _ in pairs]
            if len(set(names)) < len(names):
                raise ValueError("it names a column twice")
            if facts.names and facts.names != names:
                raise ValueError(f"the model was fitted with the columns {facts.names}, in this order")
            if facts.columns is not None and len(facts.columns) != len(names):
                raise ValueError(f"the model has {len(facts.columns)} columns, it names {len(names)}")
            known = facts.columns or [Column()] * len(names)
            facts.columns = [
                replace(column, required=own.required, closed=own.closed)
                for (_, column), own in zip(pairs, known, strict=True)
            ]
            facts.names = names
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path.name} beside the model: {error}") from None
    return facts


def _declared_column(number: int, entry: Any) -> tuple[str, Column]:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise ValueError(f'column {number} must be an object with a "name" and a "type"')
    if unknown := entry.keys() - {"name", "type", "dtype", "categories"}:
        raise ValueError(f"column {entry['name']!r} has {sorted(unknown)}, which means nothing")
    named = str(entry.get("type") or entry.get("dtype") or "")
    kind = named if named in TYPES else DTYPES.get(named.lower().rstrip("0123456789"))
    if kind is None:
        raise ValueError(f"column {entry['name']!r}: the type is {named!r}, not one of {', '.join(TYPES)}")
    categories = entry.get("categories")
    if (kind == CATEGORY) != isinstance(categories, list):
        raise ValueError(f'column {entry["name"]!r}: "categories" must be a list, for the type "category" and no other')
    return entry["name"], Column(kind, tuple(categories) if categories is not None else None)


# From values to a column


def as_number(value: Any) -> float:
    """A number, NaN if there is none. ValueError for what is not a number."""
    if value is None:
        return math.nan
    if isinstance(value, Cell):
        text = value.strip()
        if text.lower() in NOTHING:
            return math.nan
        if text.lower() in ("true", "false"):  # as pandas writes a column of them
            return float(text.lower() == "true")
        if "_" in text or not math.isfinite(number := float(text)):
            raise ValueError(text)
        return number
    if isinstance(value, (bool, int, float)):
        return float(value)
    raise ValueError(value)


def as_integer(value: Any) -> int | float:
    number = as_number(value)
    if math.isnan(number):
        return number
    if number != int(number) or abs(number) >= 2**63:
        raise ValueError(value)
    return int(value) if not isinstance(value, Cell) else int(number)


def as_boolean(value: Any) -> float:
    number = as_number(value)
    if number not in (0.0, 1.0) and not math.isnan(number):
        raise ValueError(value)
    return number


def as_text(value: Any) -> Any:
    if value is None or (isinstance(value, Cell) and not value):
        return None
    if not isinstance(value, str):
        raise ValueError(value)
    return str(value)


def as_any(value: Any) -> Any:
    return as_text(value) if isinstance(value, Cell) else value


READERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    NUMBER: ("a number", as_number),
    INTEGER: ("a whole number", as_integer),
    BOOLEAN: ("true or false", as_boolean),
    TEXT: ("a text", as_text),
    ANY: ("a value", as_any),
}


def quoted(value: Any) -> str:
    """A value of a request, for a message about it."""
    if isinstance(value, Cell) and not value:
        return "an empty cell"
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, (str, bool, type(None))) else str(value)
    return text if len(text) <= 60 else text[:60] + "..."


def read(column: Column, values: Sequence[Any], label: Callable[[int], str]) -> list[Any]:
    """The values of a column in its type. `label` says which feature of which record the nth is, for a message."""
    if column.type == CATEGORY:
        known = column.categories or ()
        texts = all(isinstance(category, str) for category in known)
        wanted, reader = READERS[TEXT if texts else BOOLEAN if {True, False} >= set(known) else NUMBER]
    else:
        wanted, reader = READERS[column.type]
    if column.type == NUMBER and set(map(type, values)) <= {float, int}:
        return list(values)  # as most are: nothing to read
    found = []
    for number, value in enumerate(values):
        try:
            if value.__class__ is Cell and not value and "" in (column.categories or ()):
                found.append("")  # an empty text that the model was fitted with
            else:
                found.append(reader(value))
            if found[-1] is None and column.required and column.type == TEXT:
                raise ValueError(value)
        except OverflowError:
            raise BadInput(f"{label(number)} is too large for a number") from None
        except (ValueError, TypeError):
            raise BadInput(f"{label(number)} must be {wanted}, not {quoted(value)}") from None
    return found


def array(column: Column, values: list[Any], missing: float | None = None) -> Any:
    """The values that `read` gave as an array of numpy: floats, whole numbers, or objects."""
    if column.type in (NUMBER, BOOLEAN):
        found = np.array(values, dtype=float)
        if missing is not None:
            found[found == missing] = math.nan
        return found
    if column.type == INTEGER:
        values = [math.nan if value == missing else value for value in values]
        return np.array(values, dtype=float if any(math.isnan(value) for value in values) else np.int64)
    if not column.none:
        values = [math.nan if value is None else value for value in values]
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def codes(column: Column, values: list[Any], label: Callable[[int], str]) -> Any:
    """The values of a category as numbers of its categories, -1 for what is missing or, unless closed, none of them."""
    lookup = {category: code for code, category in enumerate(column.categories or ())}
    found = np.array([lookup.get(value, -1) for value in values], dtype=np.int64)
    for row in np.flatnonzero(found < 0) if column.closed else ():
        value = values[row]
        if value is not None and value == value:  # neither missing nor NaN
            raise BadInput(f"{label(int(row))} is {quoted(as_category(column, value))}, no category of the training")
    return found


def as_category(column: Column, value: Any) -> Any:
    """A value as the categories are written: 7 and not 7.0 among whole numbers."""
    whole = isinstance(value, float) and value.is_integer()
    return int(value) if whole and not any(isinstance(c, float) for c in column.categories or ()) else value


def xgboost_categories(booster: Any) -> dict[int, tuple[Any, ...]]:
    """The categories of each column that has some, in the order of their codes; a booster has them from 3.1 on."""
    model = json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]
    model = model.get("gbtree", model).get("model", {})
    found: dict[int, tuple[Any, ...]] = {}
    for number, entry in enumerate((model.get("cats") or {}).get("enc") or []):
        values, offsets = entry.get("values") or [], entry.get("offsets")
        if values and offsets is not None:  # texts, one after the other
            raw = bytes(value % 256 for value in values)
            found[number] = tuple(raw[a:b].decode() for a, b in zip(offsets, offsets[1:], strict=False))
        elif values:
            found[number] = tuple(values)
    return found


def groups(columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> list[list[int]]:
    """The rows, by number, that can share a table without changing each other's types."""
    varying = [number for number, column in enumerate(columns) if column.varies]
    if not varying:
        return [list(range(len(rows)))]
    found: dict[Hashable, list[int]] = {}
    for number, row in enumerate(rows):
        found.setdefault(tuple(_kind(columns[place], row[place]) for place in varying), []).append(number)
    return list(found.values())


def _kind(column: Column, value: Any) -> str:
    nothing = NOTHING if column.type == INTEGER else {""}
    if value is None or (isinstance(value, Cell) and value.strip().lower() in nothing):
        return ""
    if column.type == INTEGER:
        return "int"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
        return "huge"
    return type(value).__name__


def example(columns: Sequence[Column]) -> list[Any]:
    """A record that fits the columns, as JSON has it."""
    values = {TEXT: "a", BOOLEAN: True}
    return [(c.categories or (None,))[0] if c.categories is not None else values.get(c.type, 0) for c in columns]
