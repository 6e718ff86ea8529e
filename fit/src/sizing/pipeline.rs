//! Diffusion pipelines: all parts stay on the device, and what denoises works on whole images.

use mcc_catalogs::{Makes, Pipeline};

use super::loaded::Weights;
use super::shape::{Dtype, ModelShape, Origin};
use super::widths::Widths;
use super::{Cache, GIB};

/// Memory in GiB that a request takes beside the weights: latents, activations and what the VAE decodes. An estimate for
/// one image of 1024 x 1024, and for a film of some seconds at 480p.
fn working_gib(makes: Makes) -> f64 {
    match makes {
        Makes::Images => 4.0,
        Makes::Films => 12.0,
    }
}

/// What a pipeline takes of a device beside weights that are divided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parts {
    /// Parameters of the parts that every device holds whole.
    pub whole: u64,
    /// Memory that a request takes, in GiB.
    pub working_gib: f64,
    /// Whether it is known to run with the rest split over devices.
    pub splits: bool,
}

impl Parts {
    /// Bytes of the parts that every device holds.
    pub(super) fn whole_bytes(self, dtype: Dtype) -> f64 {
        super::real(self.whole) * dtype.bytes()
    }

    /// Memory that a request takes, in bytes.
    pub(super) fn working_bytes(self) -> f64 {
        self.working_gib * GIB
    }
}

/// A pipeline as what sizing calculates with: without a context, at 16 bits.
pub fn pipeline_shape(row: &Pipeline) -> ModelShape {
    let whole = row.beside();
    let parameters = row.denoiser.saturating_add(whole);
    ModelShape {
        reads_images: false,
        weights: Weights::default(),
        // Of one release alone it is known which pipelines the engine has: the class would choose no image.
        architecture: None,
        parameters,
        parameters_computed: false,
        weight_bytes: parameters.saturating_mul(2),
        // Quantization while loading is of what denoises.
        embedding_parameters: whole,
        hidden: 0,
        heads: None,
        kv_heads: None,
        layers: 0,
        vocab: 0,
        max_positions: None,
        stretched: None,
        dtype: Dtype::Bfloat16,
        quantization: None,
        cache: Some(Cache::default()),
        custom_code: false,
        written_by: None,
        origin: Origin::Parts,
        widths: Widths::default(),
        parts: Some(Parts {
            whole,
            working_gib: working_gib(row.makes),
            splits: row.tensor_parallel,
        }),
    }
}

#[cfg(test)]
mod tests {
    use mcc_catalogs::Catalogs;

    use super::super::estimate::tests::{a10g, serving};
    use super::super::{Device, Verdict, estimate};
    use super::*;

    fn shape(id: &str) -> ModelShape {
        pipeline_shape(Catalogs::embedded().pipelines().get(id).expect("known"))
    }

    fn on(memory_gib: f64, id: &str, degree: u32) -> super::super::Sizing {
        let device = Device { memory_gib, ..a10g() };
        estimate(&shape(id), &device, &serving(degree, 8192))
    }

    /// What is published of whole pipelines, in GB.
    #[test]
    fn parts_add_up() {
        for (id, gb) in [("black-forest-labs/FLUX.1-dev", 34.0), ("qwen/qwen-image", 58.0)] {
            let total = super::super::real(shape(id).weight_bytes) / 1e9;
            assert!((total / gb - 1.0).abs() < 0.02, "{id}: {total}");
        }
    }

    /// What AWS's own tests serve: FLUX.2-klein-4B on an L4, Wan2.1 on an L40S; FLUX.1 fits no 24 GB.
    #[test]
    fn what_is_served_fits_and_what_is_too_large_does_not() {
        assert_eq!(on(22.07, "black-forest-labs/FLUX.2-klein-4B", 1).verdict, Verdict::Fits);
        assert_eq!(on(44.39, "Wan-AI/Wan2.1-T2V-1.3B-Diffusers", 1).verdict, Verdict::Fits);
        assert_eq!(on(22.07, "black-forest-labs/FLUX.1-dev", 1).verdict, Verdict::TooBig);
        assert_eq!(on(44.39, "black-forest-labs/FLUX.1-dev", 1).verdict, Verdict::Fits);
        assert_eq!(on(44.39, "Qwen/Qwen-Image", 1).verdict, Verdict::TooBig);
    }

    #[test]
    fn only_what_denoises_is_divided() {
        let (one, two) = (
            on(95.0, "black-forest-labs/FLUX.2-dev", 1),
            on(95.0, "black-forest-labs/FLUX.2-dev", 2),
        );
        let saved = (one.weights_gib - two.weights_gib) * GIB;
        assert!((saved - 32e9).abs() < 1e6, "{saved}");
        assert_eq!((one.verdict, two.verdict), (Verdict::TooBig, Verdict::Fits));
    }
}
