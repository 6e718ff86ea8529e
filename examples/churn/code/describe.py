"""What a fitted scikit-learn model says of its columns: names, types, fitted categories.

An estimator of scikit-learn says it by its class and what it has fitted; one that looks at other estimators says
what those say; a class that is not known says nothing, and its columns may hold anything.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from columns import ANY, BOOLEAN, CATEGORY, NUMBER, TEXT, Column, Facts, xgboost_categories

METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "transform", "score_samples")
UNKNOWN, NUMBERS = Column(), Column(NUMBER)
DEPTH = 20  # of estimators within estimators


def describe(model: Any) -> Facts:
    """All that can be told from a fitted model."""
    names = feature_names(model)
    width = number(model, "n_features_in_") or len(names) or None
    facts = Facts(names=names, frame=bool(names), takes=takes(model))
    facts.methods = [name for name in METHODS if callable(getattr(model, name, None))]
    classes = getattr(model, "classes_", None)
    if isinstance(classes, np.ndarray) and classes.ndim == 1 and len(classes) <= 1000:
        facts.classes = plain(classes)
    if facts.takes == "rows":
        found = types(model, width, UNKNOWN)
        facts.columns = found if width is not None and len(found) == width else None
        # A class of one's own comes first: it may well look columns up by their names.
        facts.frame = facts.frame or (facts.columns is None and not names)
    return facts


def number(estimator: Any, name: str) -> int | None:
    value = getattr(estimator, name, None)
    if value is None:
        for part in within(estimator):
            value = getattr(part, name, None)
            if value is not None:
                break
    return int(value) if isinstance(value, (int, np.integer)) else None


def feature_names(model: Any, depth: int = 0) -> list[str]:
    """The names of the columns, if the model was fitted with some."""
    names = getattr(model, "feature_names_in_", None)
    if names is None and is_lightgbm(model):
        names = lightgbm_booster(model).feature_name()
        if all(re.fullmatch(r"Column_\d+", name) for name in names):
            return []  # made up by LightGBM
    if names is not None:
        return [str(name) for name in names] if is_named(model, names) else []
    for part in within(model) if depth < DEPTH else []:
        if found := feature_names(part, depth + 1):
            return found
    return []


def is_named(model: Any, names: Sequence[str]) -> bool:
    """LightGBM calls the columns of an array Column_0 and so on; those are no names."""
    if not is_lightgbm(first(model)):
        return True
    return not all(re.fullmatch(r"Column_\d+", str(name)) for name in names)


def first(estimator: Any, depth: int = 0) -> Any:
    """What sees a record first."""
    inner = within(estimator)
    return first(inner[0], depth + 1) if inner and depth < DEPTH else estimator


def steps_of(pipeline: Any) -> list[Any]:
    return [step for _, step in pipeline.steps if step not in (None, "passthrough")]


def is_pipeline(estimator: Any) -> bool:
    return hasattr(estimator, "steps") and hasattr(estimator, "named_steps")


def within(estimator: Any) -> list[Any]:
    """The estimators that see the same table as this one, which only hands it on."""
    if is_pipeline(estimator):
        return steps_of(estimator)[:1]
    for name in ("best_estimator_", "regressor_", "estimator_"):
        inner = getattr(estimator, name, None)
        if inner is not None:
            return [inner]
    if calibrated := getattr(estimator, "calibrated_classifiers_", None):
        return [getattr(c, "estimator", None) or getattr(c, "base_estimator", None) for c in calibrated][:1]
    if type(estimator).__name__ == "FrozenEstimator":
        return [estimator.estimator]
    if type(estimator).__name__ == "FeatureUnion":
        return [part for _, part in estimator.transformer_list if part not in ("drop", "passthrough")]
    inner = getattr(estimator, "estimators_", None)
    if isinstance(inner, (list, np.ndarray)):
        return [part for part in np.ravel(np.array(inner, dtype=object)) if hasattr(part, "get_params")]
    return []


def takes(model: Any) -> str:
    """Whether a record is a row of features, one text, or an object of any features."""
    estimator = first(model)
    if is_vectorizer(estimator):
        return "texts"
    if type(estimator).__name__ in ("DictVectorizer", "FeatureHasher"):
        return "objects"
    return "rows"


def is_vectorizer(estimator: Any) -> bool:
    return any(base.__module__.startswith("sklearn.feature_extraction.text") for base in type(estimator).__mro__)


def is_lightgbm(estimator: Any) -> bool:
    return any(base.__module__.startswith("lightgbm.") for base in type(estimator).__mro__)


def lightgbm_booster(estimator: Any) -> Any:
    return getattr(estimator, "booster_", estimator)


def types(estimator: Any, width: int | None, after: Column, depth: int = 0) -> list[Column]:
    """The columns that an estimator takes; `after` is what those are that it hands on as they are."""
    size = width or number(estimator, "n_features_in_") or 1
    module = type(estimator).__module__
    if depth > DEPTH:
        return [UNKNOWN] * size
    if estimator == "passthrough" or estimator is None:
        return [after] * size
    if estimator == "drop":
        return [UNKNOWN] * size
    if is_pipeline(estimator):
        return in_turn(steps_of(estimator), width, after, depth + 1)
    if hasattr(estimator, "transformers_"):
        return by_columns(estimator, size, after, depth + 1)
    if is_vectorizer(estimator):
        return [Column(TEXT, required=module.startswith("sklearn."))]
    if is_lightgbm(estimator):
        return of_lightgbm(lightgbm_booster(estimator))
    if module.startswith("xgboost."):
        return of_xgboost(estimator, size)
    categories = getattr(estimator, "categories_", None)
    if isinstance(categories, list):
        return [of_categories(values) for values in categories]
    if (inner := getattr(estimator, "_preprocessor", None)) is not None:  # of HistGradientBoosting
        return types(inner, width, NUMBERS, depth + 1)
    if type(estimator).__name__ == "SimpleImputer":
        return of_imputer(estimator)
    if type(estimator).__name__ == "FunctionTransformer":
        known = estimator.func is None or isinstance(estimator.func, np.ufunc) or estimator.validate
        return [(after if estimator.func is None else NUMBERS) if known else UNKNOWN] * size
    if inner := within(estimator):
        return merged([types(part, width, after, depth + 1) for part in inner], size)
    plain_class = module.startswith("sklearn.") and not module.startswith("sklearn.dummy")
    return [NUMBERS if plain_class else UNKNOWN] * size


def merged(several: list[list[Column]], size: int) -> list[Column]:
    """What the first that knows a column says of it; all of them get it, so one that needs a text is enough."""
    fitting = [columns for columns in several if len(columns) == size]
    known = [[column for column in at if column.type != ANY] for at in zip(*fitting, strict=True)]
    found = [replace(at[0], required=any(c.required for c in at)) if at else UNKNOWN for at in known]
    return found or [UNKNOWN] * size


def in_turn(steps: list[Any], width: int | None, after: Column, depth: int) -> list[Column]:
    """The columns that a row of steps takes: those of its first step, and of the next where that keeps them."""
    if not steps:
        return [after] * (width or 1)
    if depth > DEPTH:
        return [UNKNOWN] * (width or 1)
    step, rest = steps[0], steps[1:]
    if keeps(step):
        own = types(step, width, UNKNOWN, depth + 1)
        if all(column.type == NUMBER for column in own):
            return own
        following = in_turn(rest, len(own), after, depth + 1)
        if type(step).__name__ == "SimpleImputer":
            following = [replace(column, required=False) for column in following]
        return merged([following, own], len(own))
    following = in_turn(rest, None, after, depth + 1)
    same = following[0] if len({column.type for column in following}) == 1 else UNKNOWN
    return types(step, width, Column(same.type) if same.type != CATEGORY else UNKNOWN, depth + 1)


def keeps(step: Any) -> bool:
    """Whether what comes out of a step has the columns that went in."""
    if type(step).__name__ == "SimpleImputer":
        return getattr(step, "indicator_", None) is None and not any(_missing(value) for value in step.statistics_)
    return type(step).__name__ == "FunctionTransformer" and step.func is None


def by_columns(transformer: Any, size: int, after: Column, depth: int) -> list[Column]:
    """The columns of a ColumnTransformer, each by the one that gets it."""
    several = []
    places: dict[str, Any] = getattr(transformer, "_transformer_to_input_indices", {})
    for name, part, _ in transformer.transformers_:
        indices = [int(place) for place in places.get(name, [])]
        if not indices:
            continue
        found = types(part, len(indices), after, depth)
        columns = [UNKNOWN] * size
        for place, column in zip(indices, found, strict=False):
            if len(found) == len(indices) and place < size:
                columns[place] = column
        several.append(columns)
    return merged(several, size)


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, (float, np.floating)) and math.isnan(value)) or str(value) == "<NA>"


def plain(values: Any) -> list[Any] | None:
    """Values as JSON has them, without missing ones; None if there are others."""
    found = [value.item() if isinstance(value, np.generic) else value for value in values]
    found = [value for value in found if not _missing(value)]
    return found if all(isinstance(value, (str, int, float)) for value in found) else None


def of_categories(values: Any) -> Column:
    """A column by the categories that were fitted to it."""
    known = plain(values)
    if not known:
        return UNKNOWN
    kinds = {bool: BOOLEAN, str: TEXT, int: NUMBER, float: NUMBER}
    found = {kinds[type(value)] for value in known}
    if len(found) > 1:
        return UNKNOWN
    none = any(value is None for value in values) and not any(value is not None and _missing(value) for value in values)
    return Column(found.pop(), tuple(known[:1000]), none)


def of_imputer(imputer: Any) -> list[Column]:
    none = imputer.missing_values is None
    kind = np.dtype(getattr(imputer, "_fit_dtype", imputer.statistics_.dtype)).kind
    if kind in "fiub":
        return [NUMBERS] * len(imputer.statistics_)
    return [Column(TEXT, None, none) if isinstance(v, str) else Column(ANY, None, none) for v in imputer.statistics_]


def of_lightgbm(booster: Any) -> list[Column]:
    """LightGBM keeps the categories of pandas in the order of their columns, and which those are as a parameter."""
    columns = [NUMBERS] * booster.num_feature()
    kept = booster.pandas_categorical or []
    if kept:
        found = re.search(
            r"^\[categorical_feature: ([\d,]+)\]$", booster.model_to_string(num_iteration=1), re.MULTILINE
        )
        places = [int(place) for place in found[1].split(",")] if found else []
        if len(places) != len(kept):
            return [UNKNOWN] * len(columns)
        for place, categories in zip(places, kept, strict=True):
            columns[place] = Column(CATEGORY, tuple(categories))
    return columns


def of_xgboost(estimator: Any, size: int) -> list[Column]:
    booster = estimator if type(estimator).__name__ == "Booster" else estimator.get_booster()
    kinds = booster.feature_types or ["float"] * size
    kept = xgboost_categories(booster) if "c" in kinds else {}
    return [
        NUMBERS if kind != "c" else Column(CATEGORY, kept[n], closed=True) if n in kept else Column(closed=True)
        for n, kind in enumerate(kinds)
    ]
