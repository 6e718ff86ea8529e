//! What files at an S3 address are to an engine that loads a model from there.

use mcc_catalogs::{Catalogs, Only, Stored, StoredFile, WeightFile, WeightSet};

/// What an address has in place of a model, or lacks of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredFault {
    /// There is nothing.
    Nothing,
    /// The address is of one file, and that is no archive.
    OneFile,
    /// There are files, and no configuration of a model among them.
    Config,
    /// There are files, and no weights among them.
    Weights,
    /// So many parts of the weights are missing, of so many that the names of the others count.
    Parts(u64, u64),
}

/// Files that say what the model is: to transformers, to a pipeline, to Mistral's own format, to DJL Serving.
const CONFIGS: [&str; 4] = ["config.json", "model_index.json", "params.json", "serving.properties"];
/// Endings of files of weights, engines and compiled models among them.
const WEIGHTS: [&str; 9] =
    [".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".engine", ".gguf", ".neff", ".npz"];
/// The model is somewhere else, or made by code.
const ELSEWHERE: [&str; 2] = ["serving.properties", "model.py"];
/// What an engine would miss at an address; `None` if nothing, or if not everything is known that is there.
pub fn stored_fault(row: &Stored) -> Option<StoredFault> {
    if !row.complete {
        return None;
    }
    if row.files.is_empty() {
        return Some(StoredFault::Nothing);
    }
    // What is in an archive nobody looked at.
    if row.address.as_str().ends_with(".tar.gz") {
        return None;
    }
    if row.is_object {
        return Some(StoredFault::OneFile);
    }
    let has = |names: &[&str]| row.files.iter().any(|file| names.contains(&file.name.as_str()));
    let weighs = |file: &StoredFile| WEIGHTS.iter().any(|end| file.name.ends_with(end));
    if row.config.is_none() && !has(&CONFIGS) {
        Some(StoredFault::Config)
    } else if !has(&ELSEWHERE) && !row.files.iter().any(weighs) {
        Some(StoredFault::Weights)
    } else {
        let files = files(row);
        let (lacking, of) = WeightSet::of(&files).first()?.lacking()?;
        Some(StoredFault::Parts(lacking, of))
    }
}

/// What is there in place of a model that an engine loads by itself; `None` for a model, and where it is not known.
pub fn stored_only(row: &Stored) -> Option<Only> {
    let files = files(row);
    let weighs = row.is_object || !WeightSet::of(&files).is_empty();
    Only::of(&files).filter(|_| row.complete && !weighs)
}

/// What the repository or the address called `name` is known to have in place of a model, by a list of its files; `None`
/// for a model, and where nobody read the list. What a name alone says is [`holds`](crate::holds).
pub fn only_there(catalogs: &Catalogs, name: &str) -> Option<Only> {
    let listed = catalogs.models().get(name).and_then(|row| row.only);
    listed.or_else(|| catalogs.resources().stored(name).and_then(stored_only))
}

/// Bytes of the weights that an engine loads from there; `None` where the files do not say which those are.
pub fn stored_weights(row: &Stored) -> Option<u64> {
    let files = files(row);
    let sets = WeightSet::of(&files);
    let set = sets.first().filter(|set| row.complete && set.lacking().is_none())?;
    set.sum().filter(|bytes| *bytes > 0)
}

/// The files as they are looked at wherever a model is.
fn files(row: &Stored) -> Vec<WeightFile> {
    let file = |file: &StoredFile| WeightFile { name: file.name.clone(), size: Some(file.size) };
    row.files.iter().map(file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str, files: &[(&str, u64)]) -> Stored {
        let file = |(name, size): &(&str, u64)| StoredFile { name: (*name).into(), size: *size };
        Stored {
            address: address.parse().expect("an address"),
            region: None,
            is_object: false,
            files: files.iter().map(file).collect(),
            complete: true,
            config: None,
        }
    }

    #[test]
    fn weights_are_counted_where_the_files_say_which_they_are() {
        let bytes = |files: &[(&str, u64)]| stored_weights(&at("s3://bucket/m/", files));
        let parts =
            [("model-00001-of-00002.safetensors", 600), ("model-00002-of-00002.safetensors", 400)];
        assert_eq!(bytes(&parts), Some(1000));
        let beside = [("consolidated.safetensors", 9), ("onnx/a.safetensors", 9), ("a.bin", 9)];
        assert_eq!(bytes(&[&parts[..], &beside[..]].concat()), Some(1000));
        assert_eq!(bytes(&[("model.safetensors", 7)]), Some(7));
        // As on the hub: copies in other precisions are beside the model, and what is packed twice is loaded once.
        assert_eq!(bytes(&[("model.safetensors", 7), ("model.fp16.safetensors", 4)]), Some(7));
        assert_eq!(bytes(&[&parts[..], &[("model.safetensors", 7)]].concat()), Some(7));
        assert_eq!(bytes(&[("pytorch_model.bin", 7), ("training_args.bin", 1)]), Some(7));
        assert_eq!(bytes(&parts[..1]), None);
        assert_eq!(bytes(&[("model.safetensors", 0)]), None);
        assert_eq!(bytes(&[("a.safetensors", u64::MAX), ("b.safetensors", 2)]), None);
        let some = Stored { complete: false, ..at("s3://bucket/m/", &parts) };
        assert_eq!((stored_weights(&some), stored_fault(&some)), (None, None));
    }

    #[test]
    fn what_an_engine_would_miss_is_told_apart() {
        let config = ("config.json", 5);
        for (files, fault, only) in [
            (&[][..], Some(StoredFault::Nothing), None),
            (&[config, ("model.safetensors", 7)], None, None),
            (&[("model.safetensors", 7)], Some(StoredFault::Config), None),
            (&[config], Some(StoredFault::Weights), None),
            (&[("serving.properties", 5)], None, None),
            (&[("model_index.json", 5), ("unet/a.safetensors", 9)], None, None),
            (
                &[config, ("model-00001-of-00003.safetensors", 7)],
                Some(StoredFault::Parts(2, 3)),
                None,
            ),
            (&[("a.gguf", 9)], Some(StoredFault::Config), Some(Only::Gguf)),
            (
                &[
                    ("adapter_config.json", 5),
                    ("adapter_model.safetensors", 9),
                    ("training_args.bin", 5),
                ],
                Some(StoredFault::Config),
                Some(Only::Adapter),
            ),
        ] {
            let row = at("s3://bucket/m/", files);
            assert_eq!((stored_fault(&row), stored_only(&row)), (fault, only), "{files:?}");
        }
        let one = |address| Stored { is_object: true, ..at(address, &[("m", 9)]) };
        assert_eq!(stored_fault(&one("s3://bucket/m")), Some(StoredFault::OneFile));
        assert_eq!(stored_fault(&one("s3://bucket/m.tar.gz")), None);
    }
}
