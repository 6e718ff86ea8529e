//! How much the weights of a repository are: by the sizes of its files, and by what the hub counted in them.

use std::collections::BTreeMap;

use mcc_catalogs::{
    Only, ParametersFrom, WeightFile as File, WeightSet, WeightsFrom, is_believable,
};

/// What the hub counted in the headers of safetensors files: elements by number format, and their sum.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) by_format: BTreeMap<String, u64>,
    pub(super) total: Option<u64>,
}

/// What is known of a repository's weights.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Weights {
    pub(super) bytes: Option<u64>,
    pub(super) bytes_from: Option<WeightsFrom>,
    pub(super) parameters: Option<u64>,
    pub(super) parameters_from: Option<ParametersFrom>,
    pub(super) only: Option<Only>,
    /// Files of a set that are not there: so many of so many.
    pub(super) lacking: Option<(u64, u64)>,
    /// Bytes that the hub or an index counted, where the files are others: those are taken.
    pub(super) not_believed: Option<u64>,
}

/// Bits of an element.
fn bits(format: &str) -> Option<u64> {
    Some(match format {
        "F64" | "I64" | "U64" | "C64" => 64,
        "F32" | "I32" | "U32" => 32,
        "F16" | "BF16" | "I16" | "U16" => 16,
        "F8_E4M3" | "F8_E5M2" | "F8_E8M0" | "F8_E4M3FNUZ" | "F8_E5M2FNUZ" | "I8" | "U8"
        | "BOOL" => 8,
        "F6_E2M3" | "F6_E3M2" => 6,
        "F4" => 4,
        _ => return None,
    })
}

impl Totals {
    /// Bytes of so many elements. None where a format is not known.
    pub(super) fn bytes(&self) -> Option<u64> {
        let mut sum: u128 = 0;
        for (format, count) in &self.by_format {
            sum += u128::from(*count) * u128::from(bits(format)?);
        }
        u64::try_from(sum.div_ceil(8)).ok().filter(|bytes| *bytes > 0 && is_believable(*bytes))
    }

    /// Whether a good part of the elements may be words that several weights are packed in.
    pub(super) fn packed(&self) -> bool {
        let sum = |takes: &dyn Fn(&str) -> bool| {
            let counts = self.by_format.iter().filter(|(format, _)| takes(format));
            counts.map(|(_, count)| u128::from(*count)).sum::<u128>()
        };
        let words = sum(&|format| matches!(format, "I32" | "U32" | "U8"));
        words * 20 > sum(&|_| true)
    }

    /// How many there are.
    pub(super) fn count(&self) -> Option<u64> {
        let sum = || self.by_format.values().try_fold(0_u64, |sum, count| sum.checked_add(*count));
        self.total.or_else(sum).filter(|count| *count > 0 && is_believable(*count))
    }
}

/// What `files` say together with the hub's own count, and with the sum of bytes that an index has.
pub(super) fn of(files: &[File], totals: Option<&Totals>, indexed: Option<u64>) -> Weights {
    let sets = WeightSet::of(files);
    let counted = totals.and_then(Totals::bytes).or(indexed);
    let agrees = |set: &WeightSet<'_>| {
        counted.is_some_and(|bytes| set.sum().is_some_and(|sum| holds(sum, bytes, set.count())))
    };
    let Some(set) = sets.iter().find(|set| agrees(set)).or_else(|| sets.first()) else {
        return Weights { only: Only::of(files), ..Weights::default() };
    };
    if let Some(lacking) = set.lacking() {
        return Weights { lacking: Some(lacking), ..Weights::default() };
    }
    let exact = agrees(set);
    let mut weights = match (set.sum(), counted) {
        (_, Some(bytes)) if exact => published(bytes),
        // Words may have been counted as what they unpack to, which is no lie.
        (Some(sum), counted) => Weights {
            not_believed: counted.filter(|_| !totals.is_some_and(Totals::packed)),
            ..published(sum)
        },
        // Sizes were not said, and what is packed may have been counted as what it unpacks to.
        (None, Some(bytes)) if !totals.is_some_and(Totals::packed) => Weights {
            bytes: Some(bytes),
            bytes_from: Some(WeightsFrom::Calculated),
            ..Weights::default()
        },
        (None, _) => Weights::default(),
    };
    if weights.bytes == Some(0) {
        weights = Weights::default();
    }
    if let Some(totals) = totals
        && !(totals.packed() && (exact || set.sum().is_none()))
    {
        // Words are no parameters. Where there are more elements than the files can hold, the hub counted what the
        // words unpack to, and that is what is wanted.
        weights.parameters = totals.count();
        weights.parameters_from = weights.parameters.map(|_| ParametersFrom::Hub);
    }
    weights
}

fn published(bytes: u64) -> Weights {
    Weights { bytes: Some(bytes), bytes_from: Some(WeightsFrom::Published), ..Weights::default() }
}

/// Whether files of so many bytes hold tensors of `bytes` bytes and little else: headers have a few percent at most.
fn holds(sum: u64, bytes: u64, files: usize) -> bool {
    let spare = (bytes / 50).max((files as u64) << 20);
    sum >= bytes && sum - bytes <= spare
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(all: &[(&str, u64)]) -> Vec<File> {
        let file = |(name, size): &(&str, u64)| File { name: (*name).into(), size: Some(*size) };
        all.iter().map(file).collect()
    }

    fn totals(all: &[(&str, u64)], total: u64) -> Totals {
        let by_format = all.iter().map(|(format, count)| ((*format).to_owned(), *count)).collect();
        Totals { by_format, total: Some(total) }
    }

    fn bytes(all: &[(&str, u64)]) -> Option<u64> {
        of(&files(all), None, None).bytes
    }

    #[test]
    fn what_engines_load_is_counted_and_nothing_else() {
        let both = [
            ("model.safetensors", 1000),
            ("model.fp16.safetensors", 500),
            ("pytorch_model.bin", 1001),
            ("onnx/model.onnx", 1002),
            ("original/consolidated.00.pth", 999),
            ("tf_model.h5", 1003),
            ("training_args.bin", 3),
        ];
        assert_eq!(bytes(&both), Some(1000));
        assert_eq!(bytes(&both[2..]), Some(1001));
        let parts = [
            ("model-00001-of-00002.safetensors", 600),
            ("model-00002-of-00002.safetensors", 400),
            ("model-00001-of-00003.safetensors", 300),
            ("consolidated.safetensors", 1000),
            ("model.safetensors", 1100),
            ("model.safetensors.index.json", 10),
        ];
        assert_eq!(bytes(&parts), Some(1000));
        // Without an index what has the usual name is the model.
        assert_eq!(bytes(&parts[..5]), Some(1100));
        assert_eq!(bytes(&parts[..4]), Some(1000));
        assert_eq!(bytes(&parts[3..4]), Some(1000));
        assert_eq!(bytes(&[("model-00001-of-000001.safetensors", 7)]), Some(7));
        assert_eq!(bytes(&[("README.md", 7)]), None);
    }

    #[test]
    fn parts_that_are_missing_are_told() {
        let some = files(&[("model-00001-of-00003.safetensors", 5)]);
        let weights = of(&some, None, None);
        assert_eq!((weights.bytes, weights.lacking), (None, Some((2, 3))));
    }

    #[test]
    fn the_hubs_count_is_taken_where_files_agree() {
        let model = files(&[("model.safetensors", 2_010_000)]);
        let exact = of(&model, Some(&totals(&[("BF16", 1_000_000)], 1_000_000)), None);
        assert_eq!((exact.bytes, exact.parameters), (Some(2_000_000), Some(1_000_000)));
        // Four-bit weights in words: the words are no parameters.
        let words = totals(&[("I32", 400_000), ("F16", 200_000)], 600_000);
        let packed = of(&model, Some(&words), None);
        assert_eq!((packed.bytes, packed.parameters), (Some(2_000_000), None));
        // The same, counted as what they unpack to.
        let unpacked = totals(&[("U8", 3_200_000), ("BF16", 200_000)], 3_400_000);
        let unpacked = of(&model, Some(&unpacked), None);
        assert_eq!((unpacked.bytes, unpacked.parameters), (Some(2_010_000), Some(3_400_000)));
        // More files than one are told apart by the count.
        let more = files(&[
            ("model-00001-of-00001.safetensors", 2_000_100),
            ("mtp.safetensors", 900_000),
            ("model.safetensors.index.json", 9),
        ]);
        let count = |bf16| of(&more, Some(&totals(&[("BF16", bf16)], bf16)), None).bytes;
        assert_eq!(count(1_000_000), Some(2_000_000));
        assert_eq!(count(1_450_000), Some(2_900_000));
        let indexed = of(&more, None, Some(2_900_000));
        assert_eq!((indexed.bytes, indexed.parameters), (Some(2_900_000), None));
        // An index that says something else is not believed.
        assert_eq!(of(&more, None, Some(5)).bytes, Some(2_900_100));
    }

    #[test]
    fn sizes_that_nobody_said_are_calculated_or_unknown() {
        let model = [File { name: "model.safetensors".into(), size: None }];
        let known = of(&model, Some(&totals(&[("F32", 10), ("I64", 2)], 12)), None);
        assert_eq!((known.bytes, known.bytes_from), (Some(56), Some(WeightsFrom::Calculated)));
        let packed = of(&model, Some(&totals(&[("U8", 10)], 10)), None);
        assert_eq!((packed.bytes, packed.parameters), (None, None));
        assert_eq!(of(&model, Some(&totals(&[("X9", 10)], 10)), None).bytes, None);
        assert_eq!(of(&model, Some(&totals(&[("F64", u64::MAX)], 1)), None).bytes, None);
    }

    #[test]
    fn what_is_no_model_is_told_apart() {
        let only = |names: &[&str]| {
            let files: Vec<(&str, u64)> = names.iter().map(|name| (*name, 9)).collect();
            of(&self::files(&files), None, None).only
        };
        assert_eq!(only(&["a-Q4_K_M.gguf", "config.json"]), Some(Only::Gguf));
        assert_eq!(only(&["q4/a-00001-of-00002.gguf"]), Some(Only::Gguf));
        assert_eq!(
            only(&["adapter_config.json", "adapter_model.safetensors"]),
            Some(Only::Adapter)
        );
        assert_eq!(only(&["model.safetensors", "a.gguf", "adapter_config.json"]), None);
        assert_eq!(only(&["README.md"]), None);
    }
}
