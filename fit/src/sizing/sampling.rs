//! What choosing the next tokens takes, at its peak.

use mcc_catalogs::Catalogs;

use super::real;

/// How an engine takes the most likely tokens out of the whole vocabulary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sampling {
    /// In place, by kernels of its own; also where nothing is known of it.
    #[default]
    InPlace,
    /// It sorts all values of all sequences, and does so in the run by which it measures its memory.
    Sorts,
}

/// Bytes for each value of the logits while `torch.sort` runs. Those are 2 of the logits in the model's format and 4 of
/// them at 32 bits; then, in `SortStable.cu`, sorted values (4), their places (8), the places before (8) and a second buffer
/// of both (12).
const SORTED: f64 = 2.0 + 4.0 + 4.0 + 8.0 + 8.0 + 12.0;
/// The same for fewer than 128 sequences, which are sorted as one list: places and sequences before and after (16 for 8)
/// and the keys (4).
const SORTED_AS_ONE: f64 = SORTED - 8.0 + 16.0 + 4.0;
/// The most sequences that are sorted as one list.
const AS_ONE: u64 = 127;

impl Sampling {
    /// That of a release.
    pub fn of(catalogs: &Catalogs, engine: Option<(&str, &str)>) -> Self {
        let sorts =
            engine.is_some_and(|(engine, release)| catalogs.engine_limits().sorts(engine, release));
        if sorts { Self::Sorts } else { Self::InPlace }
    }

    /// Bytes that sorting takes for so many sequences, if it sorts.
    pub(super) fn sorting(self, sequences: u64, vocab: u64) -> Option<f64> {
        let values = |sequences| real(sequences) * real(vocab);
        // Never less for more sequences.
        let few = SORTED_AS_ONE * values(sequences.min(AS_ONE));
        (self == Self::Sorts).then(|| few.max(SORTED * values(sequences)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::GIB;
    use super::*;

    #[test]
    fn sorting_takes_what_logs_of_vllm_say() {
        // Peaks of 1024 sequences in the logs of vram-141 (Qwen3-4B), vram-166 (gpt-oss-120b) and vram-169 (Llama 3.1 8B),
        // which have some 0.1 GiB of hidden states beside.
        for (vocab, logged) in [(151_936, 5.59), (201_088, 7.38), (128_256, 4.76)] {
            let sorting = Sampling::Sorts.sorting(1024, vocab).expect("sorts") / GIB;
            assert!((logged - 0.15..logged).contains(&sorting), "{sorting} for {logged}");
        }
        assert_eq!(Sampling::InPlace.sorting(1024, 151_936), None);
    }

    #[test]
    fn more_sequences_never_take_less() {
        let mut before = 0.0;
        for sequences in 0..400 {
            let now = Sampling::Sorts.sorting(sequences, 32_000).expect("sorts");
            assert!(now >= before, "{sequences}");
            before = now;
        }
    }

    #[test]
    fn releases_sort_until_they_have_a_kernel() {
        let of = |engine, release| Sampling::of(Catalogs::embedded(), Some((engine, release)));
        assert_eq!(of("vllm", "0.10.2"), Sampling::Sorts);
        assert_eq!(of("vllm", "0.16.0"), Sampling::Sorts);
        assert_eq!(of("vllm", "0.17.0"), Sampling::InPlace);
        assert_eq!(of("sglang", "0.5.10"), Sampling::InPlace, "it does not measure its memory so");
        assert_eq!(Sampling::of(Catalogs::embedded(), None), Sampling::InPlace);
    }
}
