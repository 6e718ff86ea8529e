//! Over how many devices a model can be split.

use super::shape::ModelShape;
use super::widths::{Cut, Split};

/// Whether a degree of tensor parallelism is possible, and if not, why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Degree {
    /// The heads divide evenly.
    Possible,
    /// Nothing is known of the heads.
    Unknown,
    /// It does not divide the attention heads.
    Heads {
        /// The model's attention heads.
        heads: u32,
    },
    /// Neither divides the key-value heads nor is a multiple of them.
    KvHeads {
        /// The model's key-value heads.
        kv_heads: u32,
    },
    /// It would cut weights that share a scale.
    Cut(Box<Cut>),
}

impl Degree {
    /// Whether nothing forbids it.
    pub fn allowed(&self) -> bool {
        match self {
            Self::Possible | Self::Unknown => true,
            Self::Cut(cut) => !cut.limit.trust.refuses(),
            Self::Heads { .. } | Self::KvHeads { .. } => false,
        }
    }
}

/// Whether `model` can be split over `degree` devices by an engine that divides it as `split` says.
pub fn check_split(model: &ModelShape, degree: u32, split: &Split) -> Degree {
    let heads = check_degree(model, degree);
    match split.cut(&model.widths, degree).filter(|_| heads.allowed()) {
        Some(cut) => Degree::Cut(Box::new(cut)),
        None => heads,
    }
}

/// Of the degrees that the heads allow those that cut nothing; where all of them do, those of which that is not certain.
pub(super) fn split_degrees(model: &ModelShape, devices: u32, split: &Split) -> Vec<u32> {
    let all = allowed_degrees(model, devices);
    let checked: Vec<(u32, Degree)> =
        all.into_iter().map(|degree| (degree, check_split(model, degree, split))).collect();
    let of = |wanted: fn(&Degree) -> bool| -> Vec<u32> {
        checked.iter().filter(|(_, found)| wanted(found)).map(|(degree, _)| *degree).collect()
    };
    let clean = of(|found| !matches!(found, Degree::Cut(_)));
    if clean.is_empty() { of(Degree::allowed) } else { clean }
}

/// Whether the heads of `model` can be split over `degree` devices.
pub fn check_degree(model: &ModelShape, degree: u32) -> Degree {
    let degree = degree.max(1);
    if degree == 1 {
        return Degree::Possible;
    }
    let Some(heads) = model.heads.filter(|h| *h > 0) else {
        return Degree::Unknown;
    };
    if heads % degree != 0 {
        return Degree::Heads { heads };
    }
    // A latent cache has no heads to divide.
    let latent = model.cache.is_some_and(|c| c.replicated);
    match model.kv_heads.filter(|k| *k > 0 && !latent) {
        Some(kv_heads) if kv_heads % degree != 0 && !degree.is_multiple_of(kv_heads) => {
            Degree::KvHeads { kv_heads }
        }
        _ => Degree::Possible,
    }
}

/// Degrees up to `devices` that nothing forbids, smallest first.
///
/// Powers of two are what collective communication is tuned for; others are offered only where a model's
/// heads leave no power of two above one.
pub fn allowed_degrees(model: &ModelShape, devices: u32) -> Vec<u32> {
    let allowed: Vec<u32> = (1..=devices).filter(|d| check_degree(model, *d).allowed()).collect();
    let powers: Vec<u32> = allowed.iter().copied().filter(|d| d.is_power_of_two()).collect();
    if powers.len() > 1 { powers } else { allowed }
}

#[cfg(test)]
mod tests {
    use super::super::estimate::tests::llama_8b;
    use super::*;

    fn with_heads(heads: u32, kv_heads: u32) -> ModelShape {
        ModelShape { heads: Some(heads), kv_heads: Some(kv_heads), ..llama_8b() }
    }

    #[test]
    fn heads_must_divide() {
        assert_eq!(check_degree(&with_heads(28, 4), 8), Degree::Heads { heads: 28 });
        assert_eq!(check_degree(&with_heads(12, 2), 8), Degree::Heads { heads: 12 });
        assert_eq!(allowed_degrees(&with_heads(28, 4), 8), [1, 2, 4]);
        // Falcon 7B: 71 heads, a prime.
        assert_eq!(allowed_degrees(&with_heads(71, 1), 8), [1]);
    }

    #[test]
    fn key_value_heads_divide_or_are_copied() {
        assert_eq!(check_degree(&with_heads(32, 8), 16), Degree::Possible, "each head twice");
        assert_eq!(check_degree(&with_heads(64, 4), 8), Degree::Possible);
        assert_eq!(check_degree(&with_heads(24, 3), 4), Degree::KvHeads { kv_heads: 3 });
    }

    #[test]
    fn what_is_unknown_is_not_forbidden() {
        let unknown = ModelShape { heads: None, kv_heads: None, ..llama_8b() };
        assert_eq!(check_degree(&unknown, 8), Degree::Unknown);
        assert!(check_degree(&unknown, 8).allowed());
    }

    #[test]
    fn odd_degrees_are_offered_when_there_is_nothing_else() {
        assert_eq!(allowed_degrees(&with_heads(15, 5), 6), [1, 5]);
    }
}
