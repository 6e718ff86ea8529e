//! The questions that generation and the servers ask.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "tests"
)]

use mcc_catalogs::{
    AcceleratorKind, Arch, Availability, Basis, Catalogs, DriverFit, GatedFrom, ImageError,
    OptionKind, Platform, PriceBasis, Region, Support,
};

fn region(text: &str) -> Region {
    text.parse().unwrap()
}

#[test]
fn instances_are_joined_with_their_accelerators() {
    let instances = Catalogs::embedded().instances();
    let g5 = instances.get("ml.g5.12xlarge").unwrap();
    assert_eq!((g5.gpus(), g5.family(), g5.nvme()), (4, "g5", Some(true)));
    let gpu = g5.accelerator().unwrap();
    assert_eq!(
        (gpu.name.as_str(), gpu.compute_capability.unwrap().to_string().as_str()),
        ("A10G", "8.6")
    );
    assert!(
        (gpu.memory_gib() - 22.07).abs() < 0.01 && gpu.bf16 == Some(true) && gpu.fp8 == Some(false)
    );
    let t4 = instances.get("ml.g4dn.xlarge").unwrap().accelerator().unwrap();
    assert_eq!((t4.bf16, t4.fp8), (Some(false), Some(false)));
    let inf2 = instances.get("ml.inf2.48xlarge").unwrap();
    assert_eq!(
        (inf2.gpus(), inf2.count, inf2.accelerator_kind()),
        (0, 12, AcceleratorKind::Neuron)
    );
    assert_eq!(inf2.accelerator_kind().resource(), Some("aws.amazon.com/neuron"));
    let graviton = instances.get("ml.c7g.large").unwrap();
    assert_eq!(
        (graviton.arch, graviton.accelerator(), graviton.nvme()),
        (Arch::Arm64, None, Some(false))
    );
    assert_eq!(graviton.arch.platform(), "linux/arm64");
    assert_eq!(instances.get("ml.p6e-gb200.36xlarge").unwrap().nvme(), None);
    assert!(instances.get("g5.xlarge").is_none());
    assert_eq!(instances.nearest("ml.g5.xlrage").first(), Some(&"ml.g5.xlarge"));
}

#[test]
fn prices_say_what_they_are_worth() {
    let prices = Catalogs::embedded().prices();
    let published = prices.usd_per_hour("ml.g5.xlarge", None).unwrap();
    assert_eq!(
        (published.usd, published.basis, published.as_of.as_str()),
        (1.408, PriceBasis::Published, "2026-09-27")
    );
    let estimate = prices.usd_per_hour("ml.p5en.48xlarge", None).unwrap();
    assert_eq!((estimate.basis, estimate.as_of.as_str()), (PriceBasis::Estimate, "2026-07-20"));
    assert_eq!(prices.usd_per_hour("ml.p5e.48xlarge", Some("us-west-2")), None);
}

#[test]
fn regions_hint_and_do_not_guess() {
    let catalogs = Catalogs::embedded();
    let regions = catalogs.regions();
    let china = regions.get("cn-north-1").unwrap();
    assert_eq!(
        (china.partition.as_str(), china.dns_suffix.as_str()),
        ("aws-cn", "amazonaws.com.cn")
    );
    assert!(regions.get("us-east-1").unwrap().has("codebuild"));
    let offers =
        |region: &str, name: &str| regions.offers(region, catalogs.instances().get(name).unwrap());
    assert_eq!(offers("us-east-1", "ml.g5.xlarge"), Some(true));
    assert!(!offers("ap-east-2", "ml.g5.xlarge").unwrap_or(false));
    assert_eq!(offers("us-east-1", "ml.m5.large"), None, "no data on types without accelerator");
    assert_eq!(
        offers("us-east-1", "ml.p6e-gb200.36xlarge"),
        None,
        "a type that no region is known to have"
    );
    assert_eq!(offers("cn-north-1", "ml.g5.xlarge"), None, "a region without data");
    assert!(regions.offering(&"ml.p5.48xlarge".parse().unwrap()).contains(&&region("us-west-2")));
}

#[test]
fn the_default_image_is_the_newest_that_is_listed() {
    let images = Catalogs::embedded().images();
    assert_eq!(images.default_version("vllm"), Some("0.27.1"));
    let image = images.resolve("vllm", None, &region("us-east-1"), Arch::X86_64).unwrap();
    assert_eq!(
        image.uri.as_str(),
        "763104351884.dkr.ecr.us-east-1.amazonaws.com/vllm:0.27.1-gpu-py312-cu130-ubuntu22.04-sagemaker"
    );
    assert!(image.listed() && image.availability == Availability::Known);
    assert_eq!(
        (image.cuda(), image.registry_account.as_deref()),
        (Some("13.0"), Some("763104351884"))
    );
    assert_eq!(image.image.engine_version.as_deref(), Some("0.27.1"));
}

#[test]
fn versions_are_found_by_part_tag_and_alias() {
    let images = Catalogs::embedded().images();
    let find = |version: &str| {
        images.resolve("vllm", Some(version), &region("us-west-2"), Arch::X86_64).unwrap()
    };
    assert_eq!(find("0.19").version(), "0.19.1");
    assert_eq!(find("0.19.0").version(), "0.19.0");
    assert_eq!(find("0.27.1-gpu-py312").version(), "0.27.1");
    let composed = find("0.30.0");
    assert!(!composed.listed());
    assert_eq!(composed.availability, Availability::Known);
    let assumed = find("0.22.1");
    assert_eq!((assumed.listed(), assumed.availability), (true, Availability::Assumed));
}

#[test]
fn accounts_follow_region_and_partition() {
    let images = Catalogs::embedded().images();
    let host =
        |place: &str| images.resolve("lmi", None, &region(place), Arch::X86_64).unwrap().host;
    assert_eq!(host("af-south-1"), "626614931356.dkr.ecr.af-south-1.amazonaws.com");
    assert_eq!(host("cn-north-1"), "727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn");
    let gov = images.resolve("vllm", None, &region("us-gov-west-1"), Arch::X86_64).unwrap();
    assert_eq!(gov.availability, Availability::Known);
    let newer =
        images.resolve("vllm", Some("0.30.0"), &region("us-gov-west-1"), Arch::X86_64).unwrap();
    assert_eq!(newer.availability, Availability::Unknown, "the SDK does not resolve it there");
    assert_eq!(
        Catalogs::embedded().registries().owner("763104351884").map(|(registry, _)| registry),
        Some("dlc")
    );
}

#[test]
fn public_images_need_no_account_and_come_for_both_processors() {
    let images = Catalogs::embedded().images();
    for arch in [Arch::X86_64, Arch::Arm64] {
        let image = images.resolve("python", None, &region("eu-west-1"), arch).unwrap();
        assert_eq!(image.uri.as_str(), "public.ecr.aws/docker/library/python:3.12-slim");
        assert_eq!((image.registry_account, image.registry_region), (None, None));
    }
    let all: Vec<&str> = images.of_family("python").map(|image| image.version.as_str()).collect();
    assert_eq!(all, ["3.13", "3.12", "3.11", "3.10"]);
}

#[test]
fn what_is_not_there_is_explained() {
    let images = Catalogs::embedded().images();
    let error = |family: &str, version: Option<&str>, place: &str, arch: Arch| {
        images.resolve(family, version, &region(place), arch).unwrap_err()
    };
    let wrong = error("vlm", None, "us-east-1", Arch::X86_64).to_string();
    assert!(wrong.starts_with("there is no image family `vlm`; there is `vllm`"), "{wrong}");
    let wrong = error("vllm", Some("0.27.3"), "us-east-1", Arch::X86_64);
    assert!(
        matches!(&wrong, ImageError::Version { nearest, .. } if nearest.iter().any(|v| v == "0.27.1")),
        "{wrong}"
    );
    let wrong = error("vllm", Some("99"), "us-east-1", Arch::X86_64);
    assert!(matches!(&wrong, ImageError::Version { nearest, .. } if nearest.len() == 3), "{wrong}");
    let wrong = error("vllm", None, "us-east-1", Arch::Arm64).to_string();
    assert_eq!(wrong, "image family `vllm` has no image for arm64");
    let wrong = error("vllm", None, "us-east-9", Arch::X86_64).to_string();
    assert!(wrong.starts_with("there is no region `us-east-9`; there is `us-east-1`"), "{wrong}");
    let wrong = error("vllm", None, "us-iso-west-1", Arch::X86_64);
    assert!(
        matches!(&wrong, ImageError::NotInRegion { regions, .. } if regions.contains(&"us-east-1".into())),
        "{wrong}"
    );
}

#[test]
fn pods_can_take_the_images_made_for_ec2() {
    let images = Catalogs::embedded().images();
    let image = images
        .resolve_on(Platform::Ec2, "vllm", Some("0.27.1"), &region("us-east-1"), Arch::X86_64)
        .unwrap();
    assert!(image.tag().ends_with("-ec2"));
    let arm = images
        .resolve_on(Platform::Ec2, "vllm", Some("0.10"), &region("us-east-1"), Arch::Arm64)
        .unwrap();
    assert_eq!(arm.image.repository, "vllm-arm64");
}

#[test]
fn cuda_chooses_the_host_image() {
    let amis = Catalogs::embedded().amis();
    let choice = amis.for_cuda("13.0", "g5").unwrap();
    assert_eq!(
        (choice.ami.ami.as_str(), choice.ami.driver),
        ("al2023-ami-sagemaker-inference-gpu-4-1", Some(580))
    );
    assert_eq!((choice.fit, choice.known_on_family), (DriverFit::Full, true));
    // The oldest driver that has all of it, not simply the newest; of two with one driver the later revision.
    assert_eq!(amis.for_cuda("12.4", "g5").unwrap().ami.driver, Some(550));
    assert_eq!(amis.for_cuda("12.1", "g5").unwrap().ami.ami, "al2-ami-sagemaker-inference-gpu-2-1");
    assert_eq!(amis.for_cuda("12.9", "g6").unwrap().ami.driver, Some(580));
    // CUDA 13.1 wants 590; 580 starts it by minor-version compatibility.
    let newer = amis.for_cuda("13.1.0.036", "g6").unwrap();
    assert_eq!((newer.ami.driver, newer.fit), (Some(580), DriverFit::MinorVersion));
    assert!(!amis.for_cuda("13.0", "g7").unwrap().known_on_family);
    assert_eq!(amis.for_cuda("99.0", "g5"), None);
}

#[test]
fn transform_jobs_have_old_drivers_only() {
    let amis = Catalogs::embedded().amis();
    assert_eq!(amis.for_cuda_transform("13.0", "g5"), None);
    let choice = amis.for_cuda_transform("12.9", "g5").unwrap();
    assert_eq!(
        (choice.ami.driver, choice.fit, choice.known_on_family),
        (Some(535), DriverFit::MinorVersion, true)
    );
    assert_eq!(amis.default_transform_driver(), Some(470));
    assert_eq!(amis.fit(470, "12.9"), Some(DriverFit::TooOld));
    assert_eq!(amis.fit(470, "11.4"), Some(DriverFit::Full));
}

#[test]
fn unknown_default_drivers_are_told() {
    let amis = Catalogs::embedded().amis();
    let known = amis.default_driver("g5").unwrap();
    assert_eq!((known.driver, known.documented), (Some(470), true));
    let unknown = amis.default_driver("g6e").unwrap();
    assert_eq!((unknown.driver, unknown.documented), (None, false));
    assert_eq!(amis.default_driver("m5"), None);
    assert_eq!(amis.for_neuron().unwrap().neuron_driver.as_deref(), Some("2.19"));
}

#[test]
fn models_are_found_by_id_whatever_its_case() {
    let models = Catalogs::embedded().models();
    let llama = models.get("META-LLAMA/llama-3.1-8b-instruct").unwrap();
    assert_eq!(
        (llama.weight_bytes, llama.gated, llama.gated_from),
        (Some(16_060_522_496), Some(true), Some(GatedFrom::Publisher))
    );
    let config: serde_json::Value =
        serde_json::from_str(llama.config.as_ref().unwrap().text()).unwrap();
    assert_eq!((&config["num_key_value_heads"], llama.basis), (&8.into(), Basis::Verbatim));
    let oss = models.get("openai/gpt-oss-120b").unwrap();
    let gib = oss.weight_bytes.map_or(0.0, |bytes| bytes as f64 / 1024.0_f64.powi(3));
    assert!((60.0..62.0).contains(&gib), "measured at 61.29 GiB, {gib} here");
    assert_eq!(models.ids().count(), models.iter().count());
    assert_eq!(models.nearest("llama-3.1-8b").first(), Some(&"meta-llama/Llama-3.1-8B"));
    let (base, variant) = models.variant("nvidia/llama-3.1-8b-instruct-fp8").unwrap();
    assert_eq!(
        (base.id.as_str(), variant.precision.as_deref()),
        ("meta-llama/Llama-3.1-8B-Instruct", Some("fp8"))
    );
}

/// What was wrong before: an inference from a configuration that could not be read.
#[test]
fn models_that_are_known_to_be_open_are_not_gated() {
    let models = Catalogs::embedded().models();
    for id in [
        "openai/whisper-large-v3",
        "openai/whisper-large-v3-turbo",
        "openai/whisper-medium",
        "tiiuae/falcon-40b-instruct",
        "llava-hf/llava-1.5-7b-hf",
    ] {
        assert_ne!(models.get(id).unwrap().gated, Some(true), "{id}");
    }
}

#[test]
fn engines_gain_and_drop_model_classes() {
    let engines = Catalogs::embedded().engines();
    let vllm = |version: &str, class: &str| engines.supports("vllm", version, class);
    assert_eq!(vllm("0.27.1", "LlamaForCausalLM"), Support::Supported);
    assert_eq!(vllm("0.8.5", "GptOssForCausalLM"), Support::TooOld { first: "0.10.1".into() });
    assert_eq!(vllm("0.10.0", "GptOssForCausalLM"), Support::TooOld { first: "0.10.1".into() });
    assert_eq!(
        vllm("0.12.0", "MllamaForConditionalGeneration"),
        Support::Dropped { last: "0.10.2".into() }
    );
    assert_eq!(vllm("0.10.2", "MllamaForConditionalGeneration"), Support::Supported);
    // Between two releases that were read, or beyond the last, nothing is known.
    assert_eq!(vllm("0.15.1", "GptOssForCausalLM"), Support::Supported);
    assert_eq!(vllm("0.22.1", "TeleChatForCausalLM"), Support::Supported);
    assert_eq!(vllm("0.25.1", "TeleChatForCausalLM"), Support::Unknown);
    assert_eq!(vllm("0.40.0", "LlamaForCausalLM"), Support::Unknown);
    assert_eq!(vllm("0.6.0", "LlamaForCausalLM"), Support::Unknown, "0.6.0 has no list to read");
    assert_eq!(vllm("0.27.1", "NoSuchModel"), Support::Unknown);
    let sglang = |version: &str, class: &str| engines.supports("sglang", version, class);
    assert_eq!(sglang("0.5.17", "LlamaForCausalLM"), Support::Supported);
    assert_eq!(sglang("0.5.17", "MambaForCausalLM"), Support::TooOld { first: "0.5.20".into() });
    let omni = |version: &str| engines.supports("vllm-omni", version, "Flux2KleinPipeline");
    assert_eq!((omni("0.30.0"), omni("0.29.0")), (Support::Supported, Support::Unknown));
}

#[test]
fn releases_know_their_cuda_and_devices() {
    let engines = Catalogs::embedded().engines();
    let release = engines.release("vllm", "0.27.1").unwrap();
    assert_eq!((release.version.as_str(), release.cuda.as_deref()), ("0.27.0", Some("13.0")));
    assert_eq!(engines.min_compute_capability("vllm", "0.27.1").unwrap().to_string(), "7.5");
    assert_eq!(engines.min_compute_capability("vllm", "0.19.0").unwrap().to_string(), "7.0");
    assert_eq!(engines.release("vllm", "0.15.1"), None);
    let share = |version: &str| engines.default_memory_utilization("vllm", version);
    assert_eq!(
        (share("0.19.1"), share("0.20.0"), share("0.27.1")),
        (Some(0.9), Some(0.92), Some(0.92))
    );
    assert_eq!(share("0.1.0"), None);
}

#[test]
fn options_are_those_of_the_default_image() {
    let catalogs = Catalogs::embedded();
    let options = catalogs.engines().options("vllm").unwrap();
    assert_eq!(Some(options.version), catalogs.images().default_version("vllm"));
    let kind = |name: &str| options.get(name).map(|option| option.kind);
    assert_eq!(kind("max-model-len"), Some(OptionKind::Size));
    assert_eq!(kind("--tensor_parallel_size"), Some(OptionKind::Int));
    assert_eq!(kind("gpu-memory-utilization"), Some(OptionKind::Float));
    assert_eq!(kind("no-enable-prefix-caching"), Some(OptionKind::Flag));
    assert_eq!(kind("disable-log-stats"), Some(OptionKind::Switch));
    assert_eq!(kind("no-disable-log-stats"), None);
    assert_eq!(kind("no-max-model-len"), None);
    assert_eq!(kind("hf-overrides"), Some(OptionKind::Json));
    assert_eq!(kind("max-modle-len"), None);
    assert_eq!(options.nearest("max-modle-len").first(), Some(&"max-model-len"));
    let dtype = options.get("dtype").unwrap();
    assert!(dtype.kind == OptionKind::Choice && dtype.choices.contains(&"bfloat16".into()));
    assert_eq!(
        options.get("gpu-memory-utilization").unwrap().default.as_deref(),
        catalogs
            .engines()
            .default_memory_utilization("vllm", options.version)
            .map(|share| share.to_string())
            .as_deref()
    );
}

#[test]
fn limits_and_hyperpod() {
    let catalogs = Catalogs::embedded();
    let limits = catalogs.limits();
    assert!(
        limits.realtime.health_check_timeout_s.contains(3600)
            && !limits.realtime.health_check_timeout_s.contains(59)
    );
    assert_eq!((limits.model_env.value_chars, limits.inference_component.env_entries), (1024, 16));
    let node = catalogs.hyperpod().node("ml.p5.48xlarge").unwrap();
    assert_eq!((node.gpus, node.efa, node.memory_gib), (Some(8), Some(32), 2048));
    assert_eq!(catalogs.hyperpod().crds().count(), 3);
    assert!(catalogs.evidence().measured().count() >= 100);
    assert!(
        catalogs
            .evidence()
            .known_fits()
            .any(|fit| fit.id.as_ref().is_some_and(|id| id.as_str() == "openai/gpt-oss-20b"))
    );
}
