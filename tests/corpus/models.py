"""Models of a corpus, trained on the spot: the kinds that people pickle, each with the table it was trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import own_steps
import pandas as pd
import sklearn
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor

SIZE = 300
WORDS = ["good", "bad", "fine", "awful", "great", "poor", "slow", "quick", "dear", "cheap"]


@dataclass
class Trained:
    """A model. `table` is what it was trained on: a frame, texts, or an array (`named` is false)."""

    model: Any
    table: Any
    method: str = "predict"
    named: bool = True
    columns: list[dict[str, Any]] | None = None  # for a columns.json
    missing: float | None = None  # likewise
    suffix: str = "pkl"
    framework: str = "sklearn"
    strange_refused: bool = False  # a category that the training had not is refused


def people(rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    frame = pd.DataFrame(
        {
            "age": rng.normal(40, 12, SIZE),
            "city": pd.Series(rng.choice(["Rome", "Oslo", "01234", "NA", "1"], SIZE), dtype=object),
            "code": rng.choice([1, 2, 5], SIZE),
            "income": rng.lognormal(3, 1, SIZE),
        }
    )
    target = (frame["age"] / 40 + (frame["city"] == "Oslo") + (frame["code"] == 2) + rng.normal(0, 0.3, SIZE)).to_numpy()
    return frame, target


def numbers(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    table = rng.normal(size=(SIZE, 5))
    return table, table @ np.arange(5) + rng.normal(size=SIZE)


def with_categories(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(city=frame["city"].astype("category"), code=frame["code"].astype("category"))


def mixed(last: Any, encoder: Any) -> Any:
    text = make_pipeline(SimpleImputer(strategy="most_frequent"), encoder)
    number = make_pipeline(SimpleImputer(), StandardScaler())
    return make_pipeline(ColumnTransformer([("text", text, ["city"]), ("number", number, ["age", "income"])]), last)


def linear(rng: np.random.Generator) -> Trained:
    table, target = numbers(rng)
    return Trained(LinearRegression().fit(table, target), table, named=False)


def forest(rng: np.random.Generator) -> Trained:
    table, target = numbers(rng)
    model = RandomForestClassifier(5, random_state=0).fit(table, np.digitize(target, [-3, 3]))
    return Trained(model, table, "predict_proba", named=False, suffix="joblib")


def labels(rng: np.random.Generator) -> Trained:
    frame, target = people(rng)
    table = frame[["age", "income"]]
    names = np.array(["low", "middle", "high"], dtype=object)[np.digitize(target, [1, 2])]
    return Trained(make_pipeline(StandardScaler(), LogisticRegression()).fit(table, names), table)


def one_hot(rng: np.random.Generator) -> Trained:
    frame, target = people(rng)
    frame.loc[::7, "city"] = np.nan
    encode = ColumnTransformer(
        [("hot", OneHotEncoder(handle_unknown="ignore"), ["city", "code"])], remainder=SimpleImputer(strategy="median")
    )
    return Trained(make_pipeline(encode, LogisticRegression()).fit(frame, target > 1.5), frame, "predict_proba")


def imputed(rng: np.random.Generator) -> Trained:
    frame, target = people(rng)
    return Trained(mixed(Ridge(), OneHotEncoder(handle_unknown="ignore")).fit(frame, target), frame)


def strict(rng: np.random.Generator) -> Trained:
    """An encoder that refuses what it has not seen."""
    frame, target = people(rng)
    return Trained(mixed(Ridge(), OneHotEncoder()).fit(frame, target), frame)


def ordinal(rng: np.random.Generator) -> Trained:
    frame, target = people(rng)
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    encode = ColumnTransformer([("order", encoder, ["city", "code"])], remainder="passthrough")
    return Trained(make_pipeline(encode, DecisionTreeRegressor(max_depth=4)).fit(frame.fillna(0), target), frame)


def searched(rng: np.random.Generator) -> Trained:
    frame, target = people(rng)
    pipeline = mixed(Ridge(), OneHotEncoder(handle_unknown="ignore"))
    return Trained(GridSearchCV(pipeline, {"ridge__alpha": [0.1, 1]}, cv=2).fit(frame, target), frame)


def voting(rng: np.random.Generator) -> Trained:
    frame, target = people(rng)
    one = mixed(LogisticRegression(), OneHotEncoder(handle_unknown="ignore"))
    two = mixed(LogisticRegression(C=0.1), OneHotEncoder(handle_unknown="ignore"))
    return Trained(VotingClassifier([("a", one), ("b", two)], voting="soft").fit(frame, target > 1.5), frame, "predict_proba")


def outputs(rng: np.random.Generator) -> Trained:
    table, target = numbers(rng)
    both = np.column_stack([target > 0, np.digitize(target, [-2, 2])]).astype(int)
    return Trained(MultiOutputClassifier(LogisticRegression()).fit(table, both), table, "predict_proba", named=False)


def histogram(rng: np.random.Generator) -> Trained:
    """Takes missing values as they are."""
    frame, target = people(rng)
    table = frame[["age", "income", "code"]]
    return Trained(HistGradientBoostingClassifier(max_iter=5).fit(table, target > 1.5), table, "predict_proba")


def histogram_categories(rng: np.random.Generator) -> Trained:
    frame, target = people(rng)
    table = frame[["age", "city"]].assign(city=frame["city"].astype("category"))
    model = HistGradientBoostingClassifier(max_iter=5, categorical_features="from_dtype").fit(table, target > 1.5)
    return Trained(model, table, "predict_proba")


def array_mixed(rng: np.random.Generator) -> Trained:
    """An array of objects, which has no names: a text that is missing is no number."""
    frame, target = people(rng)
    table = frame[["city", "age", "income"]].to_numpy(dtype=object)
    encode = ColumnTransformer([("hot", OneHotEncoder(handle_unknown="ignore"), [0])], remainder=SimpleImputer())
    return Trained(make_pipeline(encode, LogisticRegression()).fit(table, target > 1.5), table, "predict_proba", named=False)


def array_texts(rng: np.random.Generator) -> Trained:
    frame, target = people(rng)
    table = frame[["city"]].assign(word=rng.choice(WORDS, SIZE)).to_numpy(dtype=object)
    table[::7, 0] = np.nan
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()).fit(table, target > 1.5)
    return Trained(model, table, "predict_proba", named=False)


def booleans(rng: np.random.Generator) -> Trained:
    """A column of them that a model takes as numbers; a CSV that pandas writes has True and False."""
    frame, target = people(rng)
    table = frame.assign(vip=rng.random(SIZE) < 0.5)
    encode = ColumnTransformer(
        [("hot", OneHotEncoder(handle_unknown="ignore"), ["city"]), ("number", SimpleImputer(), ["age", "income"])],
        remainder="passthrough",
    )
    return Trained(make_pipeline(encode, DecisionTreeRegressor(max_depth=4)).fit(table, target + table["vip"]), table)


def sparse(rng: np.random.Generator) -> Trained:
    frame, _ = people(rng)
    table = frame[["city", "code"]]
    return Trained(make_pipeline(OneHotEncoder(handle_unknown="ignore")).fit(table), table, "transform")


def clusters(rng: np.random.Generator) -> Trained:
    table, _ = numbers(rng)
    return Trained(KMeans(3, n_init=1, random_state=0).fit(table), table, "transform", named=False)


def texts(rng: np.random.Generator) -> Trained:
    table = [" ".join(rng.choice(WORDS, 4)) for _ in range(SIZE)]
    return Trained(make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(table, ["good" in t for t in table]), table)


def text_column(rng: np.random.Generator) -> Trained:
    frame, target = people(rng)
    table = frame[["age"]].assign(said=pd.Series([" ".join(rng.choice(WORDS, 4)) for _ in range(SIZE)], dtype=object))
    encode = ColumnTransformer([("words", TfidfVectorizer(), "said"), ("number", SimpleImputer(), ["age"])])
    return Trained(make_pipeline(encode, Ridge()).fit(table, target), table)


def objects(rng: np.random.Generator) -> Trained:
    frame, target = people(rng)
    table = frame[["age", "city"]].to_dict("records")
    return Trained(make_pipeline(DictVectorizer(), DecisionTreeRegressor(max_depth=4)).fit(table, target), table)


def logarithm(rng: np.random.Generator) -> Trained:
    frame, target = people(rng)
    table = frame[["age", "income"]]
    return Trained(make_pipeline(FunctionTransformer(np.square), LinearRegression()).fit(table, target), table)


def own_first(rng: np.random.Generator) -> Trained:
    """A class of the user's own comes first, which looks its columns up by name."""
    frame, target = people(rng)
    return Trained(make_pipeline(own_steps.Features(), Ridge()).fit(frame, target), frame)


def own_declared(rng: np.random.Generator) -> Trained:
    trained = own_first(rng)
    types = {"age": "number", "city": "text", "code": "number", "income": "float64"}
    trained.columns = [{"name": name, "type": kind} for name, kind in types.items()]
    return trained


def lightgbm(rng: np.random.Generator) -> Trained:
    from lightgbm import LGBMClassifier

    frame, target = people(rng)
    table = with_categories(frame)
    return Trained(LGBMClassifier(n_estimators=5, verbose=-1).fit(table, target > 1.5), table, "predict_proba")


def lightgbm_booleans(rng: np.random.Generator) -> Trained:
    from lightgbm import LGBMRegressor

    frame, target = people(rng)
    table = frame[["age", "income"]].assign(vip=rng.random(SIZE) < 0.5)
    return Trained(LGBMRegressor(n_estimators=5, verbose=-1).fit(table, target + table["vip"]), table)


def lightgbm_numbers(rng: np.random.Generator) -> Trained:
    from lightgbm import LGBMRegressor

    table, target = numbers(rng)
    return Trained(LGBMRegressor(n_estimators=5, verbose=-1).fit(table, target), table, named=False)


def xgboost(rng: np.random.Generator, categories: bool = False, missing: float | None = None, **more: Any) -> Trained:
    import xgboost as xgb

    frame, target = people(rng)
    table = with_categories(frame) if categories else frame[["age", "code", "income"]]
    if missing is not None:
        table = table.mask(rng.random(table.shape) < 0.2, missing)
    extra = {"eval_set": [(table[:50], target[:50][::-1])], "verbose": False} if "early_stopping_rounds" in more else {}
    if missing is not None:
        more["missing"] = missing
    model = xgb.XGBRegressor(n_estimators=30, max_depth=3, enable_categorical=True, tree_method="hist", **more)
    model.fit(table, target, **extra)
    stored = tuple(map(int, xgb.__version__.split(".")[:2])) >= (3, 1)
    trained = Trained(model, table, framework="xgboost", suffix="ubj", strange_refused=categories)
    trained.missing = missing
    if categories and not stored:
        trained.columns = [{"name": name, "type": "number"} for name in table]
        for entry in trained.columns:
            if isinstance(table[entry["name"]].dtype, pd.CategoricalDtype):
                entry.update(type="category", categories=table[entry["name"]].cat.categories.tolist())
    return trained


def xgboost_stopped(rng: np.random.Generator) -> Trained:
    return xgboost(rng, early_stopping_rounds=2, learning_rate=0.9)


def xgboost_categories(rng: np.random.Generator) -> Trained:
    return xgboost(rng, categories=True)


def xgboost_pickled(rng: np.random.Generator) -> Trained:
    """The estimator itself, within a scikit-learn project."""
    trained = xgboost(rng, categories=True)
    trained.framework, trained.suffix = "sklearn", "pkl"
    return trained


def xgboost_missing(rng: np.random.Generator) -> Trained:
    return xgboost(rng, missing=-999)


def all_models() -> dict[str, Callable[[np.random.Generator], Trained]]:
    found = [
        linear, forest, labels, one_hot, imputed, strict, ordinal, searched, voting, outputs, histogram, sparse,
        array_mixed, array_texts, booleans, clusters, texts, text_column, objects, logarithm, own_first, own_declared, lightgbm, lightgbm_booleans, lightgbm_numbers,
    ]  # fmt: skip
    if tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 4):
        found.append(histogram_categories)
    try:
        import xgboost as _  # noqa: F401

        found += [xgboost, xgboost_stopped, xgboost_categories, xgboost_pickled, xgboost_missing]
    except ImportError:
        pass
    return {function.__name__: function for function in found}
