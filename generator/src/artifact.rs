//! What a model file says of the version that it was trained with. Nothing is executed or unpickled:
//! the bytes are searched.

pub(crate) mod onnx;

use std::io::Read;

/// What was read from a model file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Artifact {
    /// Version of the framework, where the file says.
    pub version: Option<String>,
    /// Whether the file is XGBoost's old binary form, which XGBoost 3.1 and later cannot read.
    pub old_binary: bool,
    /// Inputs and outputs with their names, types and shapes, where the file has them.
    pub graph: Option<onnx::Graph>,
    /// Columns of the table that a forest of trees predicts from.
    pub features: Option<i64>,
    /// Classes that it tells apart; 0 for a value instead.
    pub classes: Option<i64>,
}

/// Longest version that is believed.
const MAX_VERSION: usize = 32;

/// Reads what `bytes`, a model file, say of themselves; of what is compressed, at most `max` bytes.
pub(crate) fn inspect(bytes: &[u8], max: u64) -> Artifact {
    let unpacked = unpack(bytes, max);
    let bytes = unpacked.as_deref().unwrap_or(bytes);
    let version = after(bytes, b"_sklearn_version")
        .and_then(pickled_text)
        .or_else(|| after(bytes, b"\"version\":[").and_then(json_numbers))
        .or_else(|| after(bytes, b"version[#L\0\0\0\0\0\0\0\x03").and_then(ubj_numbers));
    let features = whole(bytes, b"\"num_feature\"")
        .or_else(|| whole(bytes, b"num_featureS"))
        .or_else(|| whole(bytes, b"\nmax_feature_idx=").map(|last| last.saturating_add(1)));
    let says = |text: &[u8]| after(bytes, text).is_some();
    let classes = match whole(bytes, b"\"num_class\"")
        .or_else(|| whole(bytes, b"num_classS"))
        .or_else(|| whole(bytes, b"\nnum_class="))
    {
        Some(n) if n > 1 => Some(n),
        Some(_) if says(b"binary:logistic") || says(b"objective=binary") => Some(1),
        other => other.map(|_| 0),
    };
    let graph = onnx::read(bytes);
    Artifact { version, old_binary: bytes.starts_with(b"binf"), graph, features, classes }
}

/// The whole number within the next few bytes after the last occurrence of `needle`, whatever the
/// punctuation between: XGBoost's JSON and UBJSON, and `LightGBM`'s text.
fn whole(bytes: &[u8], needle: &[u8]) -> Option<i64> {
    let rest = after(bytes, needle)?;
    let start = rest.iter().take(14).position(u8::is_ascii_digit)?;
    let digits: Vec<u8> =
        rest.iter().skip(start).take(9).copied().take_while(u8::is_ascii_digit).collect();
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

/// The content of a file that joblib compressed by zlib, its default, or gzip. `None` for others: those
/// by bz2, xz or lz4 say nothing, and the image's own check of the model finds what is wrong.
fn unpack(bytes: &[u8], max: u64) -> Option<Vec<u8>> {
    let mut unpacked = Vec::new();
    match bytes {
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => {
            flate2::read::ZlibDecoder::new(bytes).take(max).read_to_end(&mut unpacked).ok()?
        }
        [0x1f, 0x8b, ..] => {
            flate2::read::GzDecoder::new(bytes).take(max).read_to_end(&mut unpacked).ok()?
        }
        _ => return None,
    };
    Some(unpacked)
}

/// The bytes after the last occurrence of `needle`.
fn after<'a>(bytes: &'a [u8], needle: &[u8]) -> Option<&'a [u8]> {
    // The first byte decides nearly always: models are large.
    let found = |w: &[u8]| w.first() == needle.first() && w == needle;
    let at = bytes.windows(needle.len()).rposition(found)?;
    bytes.get(at + needle.len()..)
}

/// The text that a pickle holds next: `UNICODE` (`V`, to the end of the line), `BINUNICODE` (`X`, four
/// length bytes) or `SHORT_BINUNICODE` (0x8c, one), after at most one memo instruction and the start
/// of a frame.
fn pickled_text(bytes: &[u8]) -> Option<String> {
    let bytes = match bytes {
        [b'\n', b'p', rest @ ..] => after_line(rest)?,
        [0x94, rest @ ..] | [b'q', _, rest @ ..] | [b'r', _, _, _, _, rest @ ..] => rest,
        other => other,
    };
    let bytes = match bytes {
        [0x95, _, _, _, _, _, _, _, _, rest @ ..] => rest,
        other => other,
    };
    if let [b'V', rest @ ..] = bytes {
        let end = rest.iter().take(MAX_VERSION + 1).position(|b| *b == b'\n')?;
        return believable(std::str::from_utf8(rest.get(..end)?).ok()?);
    }
    let (length, rest) = match bytes {
        [0x8c, n, rest @ ..] => (usize::from(*n), rest),
        [b'X', n, 0, 0, 0, rest @ ..] => (usize::from(*n), rest),
        _ => return None,
    };
    believable(std::str::from_utf8(rest.get(..length)?).ok()?)
}

fn json_numbers(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().take(MAX_VERSION).position(|b| *b == b']')?;
    let text = std::str::from_utf8(bytes.get(..end)?).ok()?;
    believable(&text.replace(',', ".").replace(' ', ""))
}

fn after_line(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().take(MAX_VERSION).position(|b| *b == b'\n')?;
    bytes.get(end + 1..)
}

/// Three small numbers of UBJSON, each a byte after an `i`.
fn ubj_numbers(bytes: &[u8]) -> Option<String> {
    match bytes {
        [b'i', major, b'i', minor, b'i', patch, ..] => Some(format!("{major}.{minor}.{patch}")),
        _ => None,
    }
}

fn believable(version: &str) -> Option<String> {
    let plain = version.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
    let starts = version.starts_with(|c: char| c.is_ascii_digit());
    (plain && starts && version.len() <= MAX_VERSION).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(bytes: &[u8]) -> Option<String> {
        inspect(bytes, 1024).version
    }

    #[test]
    fn versions_are_found() {
        let pickle = b"\x80\x04\x8c\x10_sklearn_version\x94\x8c\x051.4.2\x94sb.";
        assert_eq!(version(pickle).as_deref(), Some("1.4.2"));
        let framed = b"_sklearn_version\x94\x95\x10\0\0\0\0\0\0\0\x8c\x051.4.2\x94sb.";
        assert_eq!(version(framed).as_deref(), Some("1.4.2"));
        let old = b"\x80\x03X\x10\0\0\0_sklearn_versionq\x05X\x06\0\0\x000.24.1q\x06sb.";
        assert_eq!(version(old).as_deref(), Some("0.24.1"));
        let text = b"V_sklearn_version\np64\nV1.9.1\np65\nsb.";
        assert_eq!(version(text).as_deref(), Some("1.9.1"));
        let json = b"{\"learner\":{},\"version\":[3,2,0]}";
        assert_eq!(version(json).as_deref(), Some("3.2.0"));
        let ubj = b"{L\0\0\0\0\0\0\0\x07version[#L\0\0\0\0\0\0\0\x03i\x03i\x02i\0}";
        assert_eq!(version(ubj).as_deref(), Some("3.2.0"));
    }

    #[test]
    fn compressed_files_are_read_to_a_limit() {
        use std::io::Write;
        let pickle = [&[0; 2000][..], b"_sklearn_version\x94\x8c\x051.4.2\x94sb."].concat();
        let mut packer =
            flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(&pickle).expect("memory");
        let packed = packer.finish().expect("memory");
        assert_eq!(inspect(&packed, 4096).version.as_deref(), Some("1.4.2"));
        assert_eq!(inspect(&packed, 1000).version, None);
    }

    #[test]
    fn forests_tell_their_size() {
        let size = |bytes: &[u8]| {
            let found = inspect(bytes, 0);
            (found.features, found.classes)
        };
        let json = br#"{"learner_model_param":{"num_class":"3","num_feature":"12"},"objective":{"name":"multi:softprob"}}"#;
        assert_eq!(size(json), (Some(12), Some(3)));
        let ubj = b"L\0\0\0\0\0\0\0\x0bnum_featureSL\0\0\0\0\0\0\0\x018L\0\0\0\0\0\0\0\x09num_classSL\0\0\0\0\0\0\0\x010";
        assert_eq!(size(ubj), (Some(8), Some(0)));
        let text =
            b"tree\nversion=v4\nnum_class=1\nmax_feature_idx=9\nobjective=binary sigmoid:1\n";
        assert_eq!(size(text), (Some(10), Some(1)));
    }

    #[test]
    fn hostile_files_say_nothing() {
        assert_eq!(version(b"_sklearn_version\x94\x8c\xff1.4"), None);
        assert_eq!(version(b"_sklearn_version\x94\x8c\x05$(id)"), None);
        assert_eq!(version(b"_sklearn_version\np64\nV$(id)\n"), None);
        assert_eq!(version(b"_sklearn_version\np64\nV1.9"), None);
        assert_eq!(version(b"\x78\x9cbroken"), None);
        assert_eq!(version(b""), None);
    }
}
