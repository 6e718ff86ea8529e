//! Real files of many versions, and hostile ones.

use std::io::Write;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

fn real(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/artifacts/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn all() -> Vec<(String, Vec<u8>)> {
    let folder = format!("{}/tests/artifacts", env!("CARGO_MANIFEST_DIR"));
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("fixtures")
        .map(|e| e.expect("entry").file_name().into_string().expect("a name"))
        .filter(|name| !name.ends_with(".py"))
        .collect();
    names.sort();
    assert!(names.len() > 80, "{names:?}");
    names.into_iter().map(|name| (name.clone(), real(&name))).collect()
}

fn look(bytes: &[u8]) -> Artifact {
    inspect(Cursor::new(bytes), bytes.len() as u64)
}

fn found(name: &str) -> Artifact {
    look(&real(name))
}

fn version<'a>(found: &'a Artifact, package: &str) -> Option<&'a str> {
    found.versions.get(package).map(String::as_str)
}

const ERAS: [(&str, &str, &str); 3] =
    [("old", "1.2.2", "1.7.6"), ("mid", "1.5.2", "2.1.4"), ("new", "1.9.1", "3.4.1")];

#[test]
fn every_way_of_pickling_says_version_and_names() {
    for (era, sklearn, _) in ERAS {
        let mut names: Vec<String> =
            [0, 2, 4, 5].iter().map(|p| format!("{era}-sklearn-protocol{p}.pkl")).collect();
        let ways = ["plain", "zlib", "gzip", "bz2", "xz", "lzma"];
        names.extend(ways.iter().map(|way| format!("{era}-sklearn-{way}.joblib")));
        if era == "new" {
            names.push("new-sklearn-lz4.joblib".to_owned());
        }
        for name in names {
            let found = found(&name);
            let content = if name.ends_with(".pkl") { Content::Pickle } else { Content::Joblib };
            assert_eq!(found.content, content, "{name}");
            assert_eq!(found.damaged, None, "{name}");
            assert_eq!(version(&found, "scikit-learn"), Some(sklearn), "{name}");
            assert_eq!(found.features, Some(3), "{name}");
            assert_eq!(found.names, ["length", "width", "größe"], "{name}");
            let expected = BTreeSet::from(["numpy".to_owned(), "sklearn".to_owned()]);
            let mut modules = found.modules.clone();
            modules.remove("joblib");
            assert_eq!(modules, expected, "{name}");
        }
    }
}

#[test]
fn the_first_step_of_a_pipeline_decides_what_it_takes() {
    for (era, sklearn, _) in ERAS {
        for ending in ["pkl", "joblib"] {
            let found = found(&format!("{era}-sklearn-pipeline.{ending}"));
            assert_eq!(found.names, ["colour", "size"], "{era} {ending}");
            assert_eq!(version(&found, "scikit-learn"), Some(sklearn));
        }
        let texts = found(&format!("{era}-sklearn-texts.pkl"));
        assert_eq!((texts.features, texts.names.len()), (None, 0), "a vocabulary is no table");
        let forest = found(&format!("{era}-sklearn-forest.joblib"));
        assert_eq!((forest.features, forest.damaged), (Some(3), None));
        let hist = found(&format!("{era}-sklearn-hist.pkl"));
        assert_eq!((hist.features, hist.damaged), (Some(3), None));
        let unknown = hist.modules.iter().filter(|m| packages::package_of(m).is_none());
        assert_eq!(unknown.collect::<Vec<_>>(), Vec::<&String>::new(), "{era}");
    }
}

#[test]
fn a_version_carries_the_name_of_its_product() {
    for (era, _, xgboost) in ERAS {
        let found = found(&format!("{era}-xgboost-estimator.pkl"));
        assert_eq!(found.content, Content::Pickle, "{era}");
        assert_eq!(version(&found, "xgboost"), Some(xgboost), "{era}");
        assert_eq!(version(&found, "scikit-learn"), None, "{era}");
        assert!(found.modules.contains("xgboost"), "{era}");
    }
    let found = found("new-lightgbm-estimator.pkl");
    assert!(found.modules.contains("lightgbm") && found.modules.contains("sklearn"));
    let main = self::found("new-main.pkl");
    assert_eq!(main.main, ["Doubled"]);
    let cloud = self::found("new-main-cloudpickle.pkl");
    assert!(cloud.main.is_empty() && cloud.modules.contains("cloudpickle"), "{cloud:?}");
}

#[test]
fn boosters_say_what_servers_must_know() {
    for (era, _, xgboost) in ERAS {
        for form in ["json", "ubj"] {
            let found = found(&format!("{era}-xgboost-binary.{form}"));
            let forest = found.forest.clone().expect("a forest");
            assert_eq!(
                found.content,
                if form == "json" { Content::XgboostJson } else { Content::XgboostUbj }
            );
            assert_eq!(version(&found, "xgboost"), Some(xgboost), "{era} {form}");
            assert_eq!(found.names, ["length", "width", "size"]);
            assert_eq!((forest.classes, forest.rounds), (Some(1), Some(2)), "{era} {form}");
            assert!(!forest.categories && !forest.linear, "{era} {form}");
            // XGBoost 1.7 notes the last round where nothing stopped early.
            assert!(forest.best.is_none_or(|best| best == 1), "{forest:?}");
            let stopped = self::found(&format!("{era}-xgboost-stopped.{form}"));
            let stopped = stopped.forest.expect("a forest");
            assert!(
                stopped.best.expect("a round") + 1 < stopped.rounds.expect("rounds"),
                "{stopped:?}"
            );
        }
        let forest = |name: &str| found(&format!("{era}-xgboost-{name}")).forest.expect("a forest");
        let cut = forest("cut.json");
        assert!(cut.best.is_none_or(|best| best + 1 >= cut.rounds.expect("rounds")), "{cut:?}");
        assert_eq!((forest("three.json").classes, forest("three.json").rounds), (Some(3), Some(2)));
        assert_eq!(forest("value.ubj").classes, Some(0));
        assert_eq!(forest("targets.json").targets, Some(2));
        assert!(forest("categories.json").categories);
    }
    for (era, line) in [("old", "1.7"), ("mid", "2.1")] {
        let bytes = real(&format!("{era}-xgboost-binary.model"));
        assert!(bytes.starts_with(b"binf"));
        for bytes in [&bytes[..], &bytes[4..]] {
            let found = look(bytes);
            assert_eq!(found.content, Content::XgboostBinary, "{era}");
            assert_eq!(version(&found, "xgboost"), Some(line), "{era}");
            assert_eq!(found.features, Some(3), "{era}");
            assert_eq!(found.forest.expect("a forest").classes, Some(1), "{era}");
        }
    }
    let trees = found("new-lightgbm.txt");
    assert_eq!((trees.content, trees.features), (Content::Lightgbm, Some(3)));
    assert_eq!(trees.forest.expect("a forest").classes, Some(1));
}

/// A model of hundreds of megabytes says the same by its ends.
#[test]
fn boosters_that_are_too_large_say_the_same() {
    for (era, _, xgboost) in ERAS {
        for form in ["json", "ubj"] {
            for name in ["stopped", "binary"] {
                let bytes = real(&format!("{era}-xgboost-{name}.{form}"));
                let whole = look(&bytes).forest.expect("a forest");
                let ends = xgboost::ends(&bytes, &bytes);
                assert_eq!(ends.version.as_deref(), Some(xgboost));
                assert_eq!(
                    (ends.features, ends.classes, ends.best, ends.rounds, ends.categories),
                    (whole.features, whole.classes, whole.best, whole.rounds, whole.categories),
                    "{era} {name} {form}"
                );
            }
        }
        assert!(xgboost::ends(&real(&format!("{era}-xgboost-categories.json")), b"").categories);
    }
}

#[test]
fn graphs_archives_and_hdf5_are_told_apart() {
    let plain = found("new-plain.onnx").graph.expect("a graph");
    assert_eq!(plain.inputs[0].dims, Some(vec![-1, 3]));
    assert_eq!(plain.outputs.len(), 2);
    assert!(plain.outputs.iter().all(|v| !v.collection), "{plain:?}");
    let zipmap = found("new-zipmap.onnx").graph.expect("a graph");
    assert!(zipmap.outputs.iter().any(|v| v.collection), "{zipmap:?}");
    for (name, content) in [
        ("module.pt", Content::Torchscript),
        ("weights.pt", Content::TorchSave),
        ("keras-2.15.0.keras", Content::Keras),
        ("keras-2.15.0.h5", Content::Hdf5),
    ] {
        assert_eq!(found(name).content, content, "{name}");
    }
    for keras in ["2.15.0", "3.8.0"] {
        for ending in ["h5", "keras"] {
            let found = found(&format!("keras-{keras}.{ending}"));
            assert_eq!(version(&found, "keras"), Some(keras), "{ending}");
        }
    }
    let sample = include_bytes!("../../tests/triton/sample.onnx");
    let sample = look(sample).graph.expect("a graph");
    assert_eq!(sample.inputs.len(), 1, "weights are no inputs: {sample:?}");
}

#[test]
fn what_is_no_model_is_called_by_its_name() {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(2);
    header.set_cksum();
    tar.append_data(&mut header, "model.pkl", &b"hi"[..]).expect("memory");
    let tar = tar.into_inner().expect("memory");
    assert_eq!(look(&tar).content, Content::Tar);
    assert_eq!(look(&zipped(&tar)).content, Content::Tar);
    for (bytes, content) in [
        (&b""[..], Content::Empty),
        (b"{}", Content::Json),
        (b"{\"a\": [1, 2]}", Content::Json),
        (b"garbage, and no model at all", Content::Text),
        (b"PK\x01\xff", Content::Unknown),
        (b"<html>404</html>", Content::Html),
        (b"\xef\xbb\xbf\n<!DOCTYPE html>\n<html>", Content::Html),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n",
            Content::LfsPointer,
        ),
    ] {
        assert_eq!(look(bytes).content, content, "{bytes:?}");
    }
    assert!(look(b"\x80\x04\x95garbage").damaged.is_some());
}

/// `content` by gzip.
fn zipped(content: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(content).expect("memory");
    packer.finish().expect("memory")
}

/// A saved model of a release, with a graph of some size before what says so.
fn saved(version: &str) -> Vec<u8> {
    fn part(number: u8, content: &[u8]) -> Vec<u8> {
        let mut all = vec![number << 3 | 2];
        let mut length = content.len();
        while length > 127 {
            all.push(u8::try_from(length & 127).expect("seven bits") | 128);
            length >>= 7;
        }
        all.push(u8::try_from(length).expect("seven bits"));
        all.extend(content);
        all
    }
    let about = [part(3, &[0; 500]), part(5, version.as_bytes())].concat();
    let graph = [part(2, &vec![0; 100_000]), part(1, &about)].concat();
    [vec![8, 1], part(2, &graph)].concat()
}

#[test]
fn saved_models_say_their_release() {
    let look = |bytes: &[u8]| inspect_folder(Cursor::new(bytes), bytes.len() as u64);
    let found = look(&saved("2.15.1"));
    assert_eq!((version(&found, RELEASE_OF_SAVED_MODELS), found.damaged), (Some("2.15.1"), None));
    assert_eq!(version(&look(b"\x08\x01"), RELEASE_OF_SAVED_MODELS), None);
    assert!(look(b"graph").damaged.is_some());
}

/// Every file cut at every byte, longer ones at every seventh: nothing panics, and a pickle that is cut is called damaged.
#[test]
fn files_that_are_cut_are_read_as_far_as_they_go() {
    for (name, bytes) in all() {
        // Those of the same kind differ little.
        if name.starts_with("mid") {
            continue;
        }
        let step = if bytes.len() > 1500 { 7 } else { 1 };
        for end in (0..bytes.len()).step_by(step) {
            let found = look(&bytes[..end]);
            if name.ends_with(".pkl") && !name.contains("protocol0") && end > 2 {
                assert!(found.damaged.is_some(), "{name} cut at {end}: {found:?}");
            }
        }
    }
}

#[test]
fn bombs_go_out() {
    let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    let zeros = vec![0; 1 << 20];
    for _ in 0..128 {
        packer.write_all(&zeros).expect("memory");
    }
    let zlib = packer.finish().expect("memory");
    let mut bz2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    for _ in 0..64 {
        bz2.write_all(&zeros).expect("memory");
    }
    let bz2 = bz2.finish().expect("memory");
    // Nothing but instructions: lists in lists, marks, what is there already.
    let lists = [&b"\x80\x04"[..], &vec![b']'; 4 << 20]].concat();
    let marks = [&b"\x80\x04"[..], &vec![b'('; 4 << 20]].concat();
    let twice = [&b"\x80\x04]"[..], &b"2(h\0h\0e".repeat(1 << 20)].concat();
    let objects = [&b"{"[..], &b"{\"a\":".repeat(1 << 20)].concat();
    let ubj =
        [&b"{i\x07learner{"[..], &b"i\x01a[#L\x7f\xff\xff\xff\xff\xff\xff\xff".repeat(1 << 18)]
            .concat();
    let fields = [8, 1].repeat(8 << 20);
    for bytes in [zlib, bz2, lists, marks, twice, objects, ubj, fields] {
        let start = Instant::now();
        let found = look(&bytes);
        assert!(start.elapsed() < Duration::from_secs(4), "{:?} {found:?}", start.elapsed());
    }
}

/// A file without anything in it, as large as a model may be, costs no more than its ends.
#[test]
fn sparse_files_are_not_read_whole() {
    for head in [
        &b""[..],
        b"\x80\x04",
        b"\x08\x01",
        b"{\"learner\":",
        b"tree\n",
        b"PK\x03\x04",
        b"\x89HDF\r\n\x1a\n",
    ] {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(head).expect("room");
        file.set_len(511 << 20).expect("room");
        let start = Instant::now();
        inspect(file, 511 << 20);
        assert!(start.elapsed() < Duration::from_secs(3), "{head:?} {:?}", start.elapsed());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_end_the_process(which in 0usize..80, at in 0usize..20_000, new in proptest::collection::vec(any::<u8>(), 0..40)) {
        let names = all();
        let (_, mut bytes) = names.into_iter().nth(which).expect("a file");
        let at = at % bytes.len();
        let end = (at + new.len()).min(bytes.len());
        bytes.splice(at..end, new.iter().copied());
        look(&bytes);
        look(&new);
        inspect_folder(Cursor::new(&bytes), bytes.len() as u64);
    }
}
