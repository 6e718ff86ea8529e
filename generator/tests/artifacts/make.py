"""Make the model files beside this one: python make.py NAME, in an environment with the versions that the name says.

    old      Python 3.11: scikit-learn 1.2.2, numpy 1.26.4, pandas 2.0.3, XGBoost 1.7.6
    mid      Python 3.11: scikit-learn 1.5.2, numpy 2.4.6, pandas below 3, xgboost-cpu 2.1.4
    new      Python 3.12: scikit-learn 1.9.1, numpy 2.5.5, pandas 3.1.1, xgboost-cpu 3.4.1, lightgbm 4.7.0,
             skl2onnx 1.20.0, h5py 3.16.0, lz4 4.4.5, cloudpickle 3.1.3
"""

from __future__ import annotations

import io
import json
import pickle
import sys
import zipfile
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import sklearn
import xgboost
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

HERE = Path(__file__).resolve().parent
rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3))
Y = (X[:, 0] + X[:, 1] > 0).astype(int)
FRAME = pd.DataFrame(X, columns=["length", "width", "größe"])
MIXED = pd.DataFrame({"colour": (["red", "blue"] * 20), "size": X[:, 0]})


def save(name: str, data: bytes) -> None:
    (HERE / name).write_bytes(data)
    print(f"{name:34} {len(data):7}")


def mixed() -> Pipeline:
    steps = ColumnTransformer([("text", OneHotEncoder(), ["colour"]), ("number", StandardScaler(), ["size"])])
    return Pipeline([("columns", steps), ("model", LogisticRegression())]).fit(MIXED, Y)


def scikit(era: str) -> None:
    named = LogisticRegression().fit(FRAME, Y)
    for protocol in (0, 2, 4, 5):
        save(f"{era}-sklearn-protocol{protocol}.pkl", pickle.dumps(named, protocol))
    buffer = io.BytesIO()
    joblib.dump(named, buffer)
    save(f"{era}-sklearn-plain.joblib", buffer.getvalue())
    for way in ("zlib", "gzip", "bz2", "xz", "lzma", *(["lz4"] if era == "new" else [])):
        path = HERE / f"{era}-sklearn-{way}.joblib"
        joblib.dump(named, path, compress=(way, 3))
        print(f"{path.name:34} {path.stat().st_size:7}")
    buffer = io.BytesIO()
    joblib.dump(mixed(), buffer)
    save(f"{era}-sklearn-pipeline.joblib", buffer.getvalue())
    save(f"{era}-sklearn-pipeline.pkl", pickle.dumps(mixed()))
    forest = RandomForestClassifier(n_estimators=2, max_depth=2, random_state=0).fit(X, Y)
    buffer = io.BytesIO()
    joblib.dump(forest, buffer)
    save(f"{era}-sklearn-forest.joblib", buffer.getvalue())
    texts = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["a red car", "a blue car"], [0, 1])
    save(f"{era}-sklearn-texts.pkl", pickle.dumps(texts))
    boosted = HistGradientBoostingClassifier(max_iter=1, max_leaf_nodes=3).fit(X, Y)
    save(f"{era}-sklearn-hist.pkl", pickle.dumps(boosted))


def boosters(era: str) -> None:
    classifier = xgboost.XGBClassifier(n_estimators=2, max_depth=2).fit(FRAME.rename(columns={"größe": "size"}), Y)
    save(f"{era}-xgboost-estimator.pkl", pickle.dumps(classifier))
    raw = classifier.get_booster()
    for form in ("json", "ubj", *([] if era == "new" else ["deprecated"])):
        save(f"{era}-xgboost-binary.{form.replace('deprecated', 'model')}", bytes(raw.save_raw(raw_format=form)))
    three = xgboost.XGBClassifier(n_estimators=2, max_depth=2).fit(X, np.arange(40) % 3)
    save(f"{era}-xgboost-three.json", bytes(three.get_booster().save_raw(raw_format="json")))
    value = xgboost.XGBRegressor(n_estimators=2, max_depth=2).fit(X, X[:, 0])
    save(f"{era}-xgboost-value.ubj", bytes(value.get_booster().save_raw(raw_format="ubj")))
    many = xgboost.XGBRegressor(n_estimators=2, max_depth=2).fit(X, X[:, :2])
    save(f"{era}-xgboost-targets.json", bytes(many.get_booster().save_raw(raw_format="json")))
    stopped = xgboost.XGBRegressor(n_estimators=30, max_depth=1, learning_rate=1.0, early_stopping_rounds=2)
    stopped.fit(X[:20], X[:20, 0], eval_set=[(X[20:], rng.normal(size=20))], verbose=False)
    assert stopped.best_iteration + 1 < stopped.get_booster().num_boosted_rounds()
    for form in ("json", "ubj"):
        save(f"{era}-xgboost-stopped.{form}", bytes(stopped.get_booster().save_raw(raw_format=form)))
    cut = stopped.get_booster()[: stopped.best_iteration + 1]
    save(f"{era}-xgboost-cut.json", bytes(cut.save_raw(raw_format="json")))
    category = MIXED.assign(colour=MIXED["colour"].astype("category"))
    known = xgboost.XGBClassifier(n_estimators=1, max_depth=2, enable_categorical=True, tree_method="hist")
    known.fit(category, Y)
    save(f"{era}-xgboost-categories.json", bytes(known.get_booster().save_raw(raw_format="json")))


class Doubled(LogisticRegression):
    """A class of the program that writes the pickle."""


def others() -> None:
    import cloudpickle
    import h5py
    import lightgbm
    from skl2onnx import to_onnx

    save("new-main.pkl", pickle.dumps(Doubled().fit(X, Y)))
    save("new-main-cloudpickle.pkl", cloudpickle.dumps(Doubled().fit(X, Y)))
    trees = lightgbm.LGBMClassifier(n_estimators=2, num_leaves=3, min_child_samples=2, verbose=-1).fit(FRAME, Y)
    save("new-lightgbm-estimator.pkl", pickle.dumps(trees))
    save("new-lightgbm.txt", trees.booster_.model_to_string().encode())
    model = LogisticRegression().fit(X, Y)
    first = X[:1].astype(np.float32)
    save("new-zipmap.onnx", to_onnx(model, first).SerializeToString())
    plain = to_onnx(model, first, options={id(model): {"zipmap": False}})
    save("new-plain.onnx", plain.SerializeToString())
    for keras in ("2.15.0", "3.8.0"):
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:  # as keras' own hdf5_format.py writes them
            file.attrs["keras_version"] = keras.encode()
            file.attrs["backend"] = b"tensorflow"
            file.attrs["model_config"] = json.dumps({"class_name": "Sequential"}).encode()
            file.create_group("model_weights").create_dataset("dense", data=np.ones(4, np.float32))
        save(f"keras-{keras}.h5", buffer.getvalue())
        archive({"metadata.json": json.dumps({"keras_version": keras}), "config.json": "{}"}, f"keras-{keras}.keras")
    archive({"m/data.pkl": "", "m/code/__torch__.py": "", "m/constants.pkl": "", "m/version": "3"}, "module.pt")
    archive({"m/data.pkl": "", "m/byteorder": "little", "m/version": "3"}, "weights.pt")


def archive(files: dict[str, str], name: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for path, text in files.items():
            target.writestr(zipfile.ZipInfo(path), text)
    save(name, buffer.getvalue())


if __name__ == "__main__":
    name = sys.argv[1]
    print(name, sklearn.__version__, xgboost.__version__, np.__version__, joblib.__version__)
    scikit(name)
    boosters(name)
    if name == "new":
        others()
