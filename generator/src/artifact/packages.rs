//! Which package a module comes from.

/// Modules that packages of another name bring.
const MODULES: [(&str, &str); 25] = [
    ("sklearn", "scikit-learn"),
    // Its losses of 1.3 and later were compiled under this name.
    ("_loss", "scikit-learn"),
    ("imblearn", "imbalanced-learn"),
    ("skopt", "scikit-optimize"),
    ("sklego", "scikit-lego"),
    ("sksurv", "scikit-survival"),
    ("skmultilearn", "scikit-multilearn"),
    ("sklearn_extra", "scikit-learn-extra"),
    ("umap", "umap-learn"),
    ("cv2", "opencv-python-headless"),
    ("PIL", "pillow"),
    ("skimage", "scikit-image"),
    ("yaml", "pyyaml"),
    ("bs4", "beautifulsoup4"),
    ("dateutil", "python-dateutil"),
    ("fasttext", "fasttext-wheel"),
    ("onnx", "onnx"),
    ("mapie", "MAPIE"),
    ("pmml", "sklearn2pmml"),
    ("sentence_transformers", "sentence-transformers"),
    ("category_encoders", "category-encoders"),
    ("feature_engine", "feature-engine"),
    ("sklearn_pandas", "sklearn-pandas"),
    ("lightning_fabric", "lightning"),
    ("xgboost", "xgboost"),
];

/// Packages that are known to have the name of their module; what is neither here nor above may be the user's own.
const SAME: &str = "numpy scipy pandas joblib lightgbm catboost torch tensorflow keras skorch mlxtend polars \
    pyarrow nltk spacy transformers dill cloudpickle pytz shap optuna interpret ngboost sktime econml causalml \
    lifelines prophet gensim patsy pmdarima flaml statsmodels hdbscan pynndescent numba dask distributed \
    cuml cudf cupy tpot autogluon river pygam glum xlearn thundersvm pydantic attrs skl2onnx mlflow \
    sympy networkx dowhy tslearn pyod fairlearn aif360 treelite onnxruntime tokenizers h5py";

/// Modules of Python itself, of all releases that matter.
const PYTHON: &str = "__builtin__ __future__ _abc _ast _asyncio _bisect _codecs _collections _collections_abc \
    _compat_pickle _contextvars _csv _datetime _decimal _functools _heapq _io _json _operator _pickle _queue \
    _random _socket _sqlite3 _sre _string _struct _thread _warnings _weakref _weakrefset abc argparse array ast \
    asyncio atexit base64 bdb binascii bisect builtins bz2 calendar cmath cmd code codecs codeop collections \
    colorsys compileall concurrent configparser contextlib contextvars copy copy_reg copyreg cProfile csv ctypes \
    curses dataclasses datetime dbm decimal difflib dis doctest email encodings enum errno exceptions faulthandler \
    filecmp fileinput fnmatch fractions ftplib functools gc genericpath getopt getpass gettext glob graphlib gzip \
    hashlib heapq hmac html http imaplib importlib inspect io ipaddress itertools json keyword linecache locale \
    logging lzma mailbox marshal math mimetypes mmap multiprocessing netrc nt ntpath numbers opcode operator \
    optparse os pathlib pdb pickle pickletools pkgutil platform plistlib poplib posix posixpath pprint profile \
    pstats pty pwd pydoc queue quopri random re readline reprlib resource runpy sched secrets select selectors \
    shelve shlex shutil signal site smtplib socket socketserver sqlite3 sre_compile sre_constants sre_parse ssl \
    stat statistics string stringprep struct subprocess symtable sys sysconfig syslog tarfile tempfile termios \
    textwrap this threading time timeit tkinter token tokenize tomllib trace traceback tracemalloc turtle types \
    typing unicodedata unittest urllib uuid venv warnings wave weakref webbrowser xml xmlrpc zipapp zipfile \
    zipimport zlib zoneinfo";

/// Whether a module comes with Python.
pub(crate) fn is_python_itself(module: &str) -> bool {
    PYTHON.split_whitespace().any(|known| known == module)
}

/// The package that brings a module, if that is known.
pub(crate) fn package_of(module: &str) -> Option<&str> {
    let other = MODULES.iter().find(|(name, _)| *name == module).map(|(_, package)| *package);
    other.or_else(|| SAME.split_whitespace().find(|known| *known == module))
}
