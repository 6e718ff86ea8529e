//! What `joblib` packs a pickle with, and other files that are packed as a whole.

use std::io::Read;

use super::bounded::MAX_READ;

/// Memory that a decoder may take for its window, in KiB: that of xz's strongest preset is 64 MiB, and such
/// files say nothing.
const WINDOW_KB: u32 = 20 * 1024;

/// How a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Zlib,
    Gzip,
    Bzip2,
    Xz,
    Lzma,
    Lz4,
}

impl Packing {
    /// By the first bytes.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => Some(Self::Zlib),
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..] => Some(Self::Bzip2),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            [0x5d, 0, 0, ..] => Some(Self::Lzma),
            [0x04, 0x22, 0x4d, 0x18, ..] => Some(Self::Lz4),
            _ => None,
        }
    }
}

/// What was unpacked, and whether that is all of it.
pub(super) struct Unpacked {
    pub(super) bytes: Vec<u8>,
    pub(super) complete: bool,
}

/// The first [`MAX_READ`] bytes of what `packed` holds; nothing if not even the first can be unpacked.
pub(super) fn unpack(packing: Packing, packed: impl Read) -> Option<Unpacked> {
    match packing {
        Packing::Zlib => read(flate2::read::ZlibDecoder::new(packed)),
        Packing::Gzip => read(flate2::read::MultiGzDecoder::new(packed)),
        Packing::Bzip2 => read(bzip2::read::MultiBzDecoder::new(packed)),
        Packing::Xz => read(lzma_rust2::XzReader::new_mem_limit(packed, true, WINDOW_KB)),
        Packing::Lzma => read(lzma_rust2::LzmaReader::new_mem_limit(packed, WINDOW_KB, None).ok()?),
        Packing::Lz4 => read(lz4_flex::frame::FrameDecoder::new(packed)),
    }
}

fn read(decoder: impl Read) -> Option<Unpacked> {
    let mut bytes = Vec::new();
    // What came before an error is kept: it is often all that is asked for.
    let ended = decoder.take(MAX_READ).read_to_end(&mut bytes);
    let complete = ended.is_ok() && (bytes.len() as u64) < MAX_READ;
    (!bytes.is_empty()).then_some(Unpacked { bytes, complete })
}
