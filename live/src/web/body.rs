//! Bodies of answers, of the size that was allowed: as they come, and unpacked.

use std::io::Read as _;

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use crate::failure::Failure;
use crate::web::failed;

/// The body of `answer`, of at most `most` bytes.
///
/// # Errors
/// It is larger, ends too early or is packed in a way that nobody asked for.
pub(crate) async fn read(
    mut answer: reqwest::Response,
    headers: &HeaderMap,
    most: usize,
) -> Result<Bytes, Failure> {
    if answer.content_length().is_some_and(|length| length > most as u64) {
        return Err(too_large(most));
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| failed::of(&error, false))? {
        if body.len() + chunk.len() > most {
            return Err(too_large(most));
        }
        body.extend_from_slice(&chunk);
    }
    unpacked(body.freeze(), headers, most)
}

/// Nobody asks for packed bodies, and some servers send them all the same.
fn unpacked(body: Bytes, headers: &HeaderMap, most: usize) -> Result<Bytes, Failure> {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    let encoding = match (encodings.next(), encodings.next()) {
        _ if body.is_empty() => return Ok(body),
        (None, _) => return Ok(body),
        (Some(one), None) => one.as_bytes(),
        (Some(_), Some(_)) => return Err(packed()),
    };
    if encoding.eq_ignore_ascii_case(b"identity") {
        return Ok(body);
    }
    if !(encoding.eq_ignore_ascii_case(b"gzip") || encoding.eq_ignore_ascii_case(b"x-gzip")) {
        return Err(packed());
    }
    let mut plain = Vec::new();
    let room = (most as u64).saturating_add(1);
    MultiGzDecoder::new(&*body).take(room).read_to_end(&mut plain).map_err(|_| packed())?;
    if plain.len() > most { Err(too_large(most)) } else { Ok(plain.into()) }
}

fn too_large(most: usize) -> Failure {
    Failure::Unreadable(format!("more than {most} bytes"))
}

fn packed() -> Failure {
    Failure::Unreadable("a content encoding that was not requested".to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http::HeaderValue;

    use super::*;

    fn gzip(bytes: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap().into()
    }

    fn with(encoding: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static(encoding))])
    }

    #[test]
    fn bodies_are_bounded_after_they_are_unpacked_too() {
        let body = gzip(b"{}");
        assert_eq!(unpacked(body.clone(), &with("gzip"), 2).unwrap(), "{}");
        assert!(unpacked(body.clone(), &with("GZip"), 1).is_err());
        assert!(unpacked(body.slice(..body.len() - 9), &with("gzip"), 9).is_err());
        let bomb = gzip(&vec![0; 64 << 20]);
        assert!(bomb.len() < 100_000);
        let told = unpacked(bomb, &with("gzip"), 100_000).unwrap_err();
        assert_eq!(told, too_large(100_000));
    }

    #[test]
    fn other_encodings_are_told_and_not_taken_for_the_text() {
        for encoding in ["br", "zstd", "deflate", "gzip, gzip", ""] {
            assert!(unpacked(Bytes::from_static(b"x"), &with(encoding), 9).is_err(), "{encoding}");
        }
        assert_eq!(unpacked(Bytes::from_static(b"x"), &with("identity"), 9).unwrap(), "x");
        assert_eq!(unpacked(Bytes::new(), &with("br"), 9).unwrap(), "");
    }
}
