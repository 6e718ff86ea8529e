//! What a model needs of its host: disk, main memory and time to start.

use super::real;

/// Where the weights come from when the container starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelSource {
    /// The container downloads them itself.
    Container,
    /// The service copies them into the container before it starts.
    Service,
}

/// Needs of a model of a certain size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostNeeds {
    /// Disk for weights and compile caches, in GB (10^9 bytes).
    pub disk_gb: u64,
    /// Main memory below which loading is known to be slow or to fail, in GiB.
    pub memory_gib: u64,
    /// Seconds until the health check can succeed.
    pub health_check_timeout_s: u32,
    /// Seconds for the service's own download.
    pub download_timeout_s: u32,
}

/// Compile caches, logs and the engine's own files.
const DISK_BASE_GB: f64 = 20.0;
/// Start of the interpreter and engine, compilation and CUDA graphs.
const START_BASE_S: f64 = 480.0;
/// Download at a cautious 100 MB/s.
const DOWNLOAD_S_PER_GB: f64 = 10.0;
/// Reading from disk and copying to the device at a cautious 200 MB/s.
const LOAD_S_PER_GB: f64 = 5.0;
/// Seconds that compiling a model may take, where nobody has compiled it before: an estimate.
const COMPILE_S: u32 = 1800;
/// The longest that the API lets a health check or a download take, in seconds.
const LONGEST_TIMEOUT_S: u32 = 3600;
/// Bounds of the API for both timeouts.
const TIMEOUT_S: (f64, f64) = (60.0, LONGEST_TIMEOUT_S as f64);

/// Needs of a model whose weights take `weight_bytes` on disk.
pub fn host_needs(weight_bytes: u64, source: ModelSource) -> HostNeeds {
    let gb = real(weight_bytes) / 1e9;
    let download_s = gb * DOWNLOAD_S_PER_GB;
    let start_s = START_BASE_S + gb * LOAD_S_PER_GB;
    let health_s = match source {
        ModelSource::Container => start_s + download_s,
        ModelSource::Service => start_s,
    };
    HostNeeds {
        // A tenth more: tokenizer, configuration and files still being written.
        disk_gb: super::whole((gb * 1.1 + DISK_BASE_GB).ceil()),
        // Weights are mapped, not copied; half of them resident keeps the page cache useful.
        memory_gib: super::whole((gb * 0.5 + 8.0).ceil()),
        health_check_timeout_s: minutes(health_s),
        download_timeout_s: minutes(300.0 + download_s),
    }
}

impl HostNeeds {
    /// The same where the model is compiled when the container starts: the whole checkpoint is held, half of it again
    /// while it is split, and 16 GiB for the compiler. An estimate that nothing was measured against.
    #[must_use]
    pub fn compiled(self, weight_bytes: u64) -> Self {
        let gb = real(weight_bytes) / 1e9;
        Self {
            memory_gib: super::whole((gb * 1.5 + 16.0).ceil()),
            health_check_timeout_s: (self.health_check_timeout_s + COMPILE_S)
                .min(LONGEST_TIMEOUT_S),
            ..self
        }
    }
}

/// `seconds` rounded up to whole minutes, within the bounds of the API.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn minutes(seconds: f64) -> u32 {
    ((seconds / 60.0).ceil() * 60.0).clamp(TIMEOUT_S.0, TIMEOUT_S.1) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_grow_with_the_weights_within_the_bounds() {
        let small = host_needs(16_060_522_496, ModelSource::Container);
        assert_eq!(small.health_check_timeout_s, 780);
        assert_eq!(small.disk_gb, 38);
        let large = host_needs(141_107_412_992, ModelSource::Container);
        assert!(large.health_check_timeout_s > 2 * small.health_check_timeout_s);
        let huge = host_needs(800_000_000_000, ModelSource::Container);
        assert_eq!(huge.health_check_timeout_s, 3600);
        assert_eq!(host_needs(0, ModelSource::Container).health_check_timeout_s, 480);
    }

    #[test]
    fn what_the_service_downloads_is_not_waited_for_twice() {
        let by_service = host_needs(141_107_412_992, ModelSource::Service);
        let by_container = host_needs(141_107_412_992, ModelSource::Container);
        assert!(by_service.health_check_timeout_s < by_container.health_check_timeout_s);
        assert_eq!(by_service.download_timeout_s, by_container.download_timeout_s);
    }
}
