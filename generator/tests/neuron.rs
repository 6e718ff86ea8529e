//! Models on AWS Inferentia2 and Trainium: where a config has a layer for them, the project has the image, the host
//! image and the numbers of that accelerator; elsewhere it is refused, with what runs there instead.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod support;

use mcc_catalogs::{AcceleratorKind, Catalogs};
use mcc_fit::sizing::{self, Device, Verdict, Wanted};
use mcc_generator::{Finding, Layer, Project, registry, spec};
use serde_json::{Map, Value, json};

use support::{base, merged, object, on_neuron, plan_of, project};

fn layers() -> Vec<(&'static str, &'static Layer)> {
    let configs = registry().configs().iter();
    configs
        .filter_map(|config| Some((config.name.as_str(), registry().on(config, "neuron")?)))
        .collect()
}

fn json_of(project: &Project, path: &str) -> Value {
    let file = project.get(path).unwrap_or_else(|| panic!("no {path}"));
    serde_json::from_slice(&file.bytes).unwrap()
}

/// On an endpoint, of the config that is usual for language models.
fn endpoint() -> Map<String, Value> {
    let usual = &registry().usual().unwrap().name;
    let on_endpoint = |inputs: &&Map<String, Value>| {
        inputs["deploymentConfig"] == **usual && inputs["deploymentTarget"] == "managed-inference"
    };
    on_neuron().iter().find(on_endpoint).unwrap().clone()
}

const EIGHT_BITS: &str = r#"{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 2048,
  "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8,
  "vocab_size": 128256, "max_position_embeddings": 8192, "torch_dtype": "bfloat16",
  "quantization_config": {"quant_method": "fp8", "activation_scheme": "dynamic"}}"#;

/// DeepSeek-V2-Lite's attention, without the name of its class.
const LATENT: &str = r#"{"model_type": "deepseek_v2", "hidden_size": 2048, "intermediate_size": 10944,
  "num_hidden_layers": 27, "num_attention_heads": 16, "num_key_value_heads": 16, "kv_lora_rank": 512,
  "qk_rope_head_dim": 64, "qk_nope_head_dim": 128, "v_head_dim": 128, "vocab_size": 102400,
  "max_position_embeddings": 8192, "torch_dtype": "bfloat16"}"#;

fn refused(extra: Value) -> Vec<Finding> {
    let mut inputs = endpoint();
    inputs.extend(object(extra));
    let plan = plan_of(&inputs);
    assert!(!plan.is_ready(), "{inputs:#?}");
    plan.findings.into_iter().filter(Finding::is_error).collect()
}

#[test]
fn what_the_layers_name_is_in_the_catalogs() {
    let catalogs = Catalogs::embedded();
    for (config, layer) in layers() {
        let manifest = &layer.manifest;
        assert_eq!(manifest.accelerators, [mcc_catalogs::AcceleratorKind::Neuron], "{config}");
        for device in &manifest.devices {
            let row = catalogs.accelerators().get(device);
            assert_eq!(row.unwrap().kind, AcceleratorKind::Neuron, "{config}: {device}");
        }
        let family = manifest.images.as_deref().unwrap();
        let mut images = catalogs.images().of_family(family).peekable();
        assert!(images.peek().is_some(), "{config}: {family}");
        for image in images {
            assert_eq!(image.accelerator, AcceleratorKind::Neuron, "{}", image.tag);
            assert_eq!(image.engine, manifest.engine, "{}", image.tag);
        }
        assert!(manifest.defaults["maxNumSeqs"].is_u64(), "{config}: how many are compiled in?");
    }
}

#[test]
fn image_host_image_and_cores_are_those_of_the_accelerator() {
    let ami = &Catalogs::embedded().amis().for_neuron().unwrap().ami;
    for inputs in on_neuron() {
        let project = project(&inputs);
        let spec = spec(Catalogs::embedded(), &merged(&inputs)).unwrap();
        let dockerfile = String::from_utf8_lossy(&project.get("Dockerfile").unwrap().bytes);
        assert!(
            dockerfile.lines().next().unwrap().contains("neuronx"),
            "{inputs:#?}\n{dockerfile}"
        );
        assert!(!dockerfile.contains("CUDA"), "{dockerfile}");
        assert_eq!(spec.model.tensor_parallel, Some(2), "both cores of one accelerator");
        let settings = json_of(&project, "code/engine-args.json").to_string();
        let sequences = format!(":{}", spec.inputs["maxNumSeqs"]);
        let alone = spec.inputs["maxNumSeqs"] == json!(1);
        let sequences = if alone { ":4096" } else { &sequences };
        for number in [":2,", ":4096", sequences, "\"bfloat16\""] {
            assert!(settings.contains(number), "{number} in {settings}");
        }
        if project.get("deploy/create-endpoint-config.json").is_some() {
            let made = json_of(&project, "deploy/create-endpoint-config.json");
            assert_eq!(made["ProductionVariants"][0]["InferenceAmiVersion"], json!(ami));
            let wait =
                &made["ProductionVariants"][0]["ContainerStartupHealthCheckTimeoutInSeconds"];
            assert!(wait.as_u64().unwrap() > 1800, "{wait}: time to compile");
        }
        let manifests: Vec<_> =
            project.files().filter(|(path, _)| path.ends_with(".yaml")).collect();
        for (path, file) in manifests {
            let text = String::from_utf8_lossy(&file.bytes);
            if text.contains("limits:") {
                assert!(
                    text.contains("aws.amazon.com/neuron: \"1\""),
                    "{path}: one of two cores\n{text}"
                );
                assert!(!text.contains("nvidia.com"), "{path}\n{text}");
            }
        }
    }
}

/// Options are those of the engine whose command line it is; properties of the server are told by its own guide.
#[test]
fn options_are_the_engines_own() {
    let mut seen = 0;
    for inputs in on_neuron() {
        let config = registry().config(inputs["deploymentConfig"].as_str().unwrap()).unwrap();
        let engine = registry().on(config, "neuron").unwrap().manifest.engine.as_deref().unwrap();
        let Some(known) = Catalogs::embedded().engines().options(engine) else { continue };
        let settings = json_of(&project(&inputs), "code/engine-args.json");
        for name in settings["options"].as_object().unwrap().keys() {
            assert!(known.get(name).is_some(), "{engine} has no {name}");
            seen += 1;
        }
    }
    assert!(seen > 5, "{seen}");
}

#[test]
fn a_component_asks_for_accelerators_and_not_for_cores() {
    let mut inputs = endpoint();
    inputs.extend(object(json!({
        "inferenceComponent": true,
        "instanceType": "ml.inf2.24xlarge", "tensorParallelSize": 8,
    })));
    let made = json_of(&project(&inputs), "deploy/create-inference-component.json");
    let wants = &made["Specification"]["ComputeResourceRequirements"];
    assert_eq!(wants["NumberOfAcceleratorDevicesRequired"], json!(4), "{made:#}");
    inputs.insert("icGpuCount".to_owned(), json!(1));
    let plan = plan_of(&inputs);
    let found = plan.findings.iter().find(|finding| finding.id == "MCC-TP-002").unwrap();
    assert!(found.fix.contains("icGpuCount: 4"), "accelerators: {}", found.fix);
    inputs.insert("icGpuCount".to_owned(), json!(7));
    let plan = plan_of(&inputs);
    let found = plan.findings.iter().find(|finding| finding.id == "MCC-TP-002").unwrap();
    assert!(found.message.contains("the instance has 6"), "{}", found.message);
    inputs.shift_remove("icGpuCount");
    inputs.insert("tensorParallelSize".to_owned(), json!(16));
    let plan = plan_of(&inputs);
    let found = plan.findings.iter().find(|finding| finding.id == "MCC-TP-002").unwrap();
    assert!(found.message.contains("16 cores; the instance has 12"), "{}", found.message);
}

#[test]
fn what_does_not_run_there_is_refused_with_what_does() {
    for device in ["ml.trn2.48xlarge", "ml.inf1.xlarge"] {
        let found = refused(json!({"instanceType": device}));
        let one = found.iter().find(|finding| finding.id == "MCC-ACC-001").unwrap();
        assert!(one.message.contains("Inferentia2 or Trainium"), "{}", one.message);
    }
    for (extra, id, says) in [
        (json!({"modelName": "google/gemma-3-27b-it"}), "MCC-ENG-004", "none of the classes"),
        (
            json!({"modelName": "me/mine", "modelConfig": EIGHT_BITS}),
            "MCC-GPU-002",
            "not quantized",
        ),
        (json!({"quantization": "fp8"}), "MCC-INP-005", "not quantized"),
        (json!({"engineArgs": {"kv-cache-dtype": "fp8"}}), "MCC-ENG-003", "number format"),
        (
            json!({"tensorParallelSize": 4, "instanceType": "ml.trn1.32xlarge"}),
            "MCC-TP-001",
            "together",
        ),
        (json!({"modelName": "Qwen/Qwen3-Embedding-0.6B"}), "MCC-TSK-001", "embeddings"),
        (json!({"modelName": "me/mine", "modelConfig": LATENT}), "MCC-ENG-004", "latent"),
        (
            json!({"engineVersion": "0.4.4", "modelName": "google/gemma-3-27b-it"}),
            "MCC-ENG-004",
            "none of",
        ),
        (
            json!({"inferenceAmiVersion": "al2-ami-sagemaker-inference-gpu-3-1"}),
            "MCC-AMI-001",
            "driver for cuda",
        ),
        (
            json!({"instanceType": "ml.g6.2xlarge", "inferenceAmiVersion": "al2-ami-sagemaker-inference-neuron-2"}),
            "MCC-AMI-001",
            "driver for neuron",
        ),
        (json!({"enableLora": true}), "MCC-INP-005", "adapters"),
        (json!({"gpuMemoryUtilization": 0.8}), "MCC-INP-005", "maxNumSeqs"),
        (json!({"maxNumSeqs": 64, "maxModelLen": 32768}), "MCC-MEM-002", "64 sequences"),
    ] {
        let found = refused(extra.clone());
        let one = found.iter().find(|finding| finding.id == id);
        let one = one.unwrap_or_else(|| panic!("{extra} {found:#?}"));
        assert!(one.message.contains(says), "{}", one.message);
    }
    // No advice leads to the next refusal.
    for option in ["gpu-memory-utilization", "quantization"] {
        let found = refused(json!({"engineArgs": {option: "fp8"}}));
        let one = found.iter().find(|finding| finding.id == "MCC-ENG-003").expect(option);
        assert_eq!(one.fix, format!("leave {option} out of engineArgs"));
    }
    let large = json!({"modelName": "meta-llama/Llama-3.1-405B-Instruct", "instanceType": "ml.inf2.48xlarge"});
    let found = refused(large);
    let one = found.iter().find(|finding| finding.id == "MCC-MEM-001").unwrap();
    assert!(one.fix.contains("ml.p5"), "{}", one.fix);
    assert!(!one.fix.contains("quantized") && !one.fix.contains("maxNumSeqs"), "{}", one.fix);
    // The configs without such a layer say which have one.
    let with: Vec<&str> = layers().into_iter().map(|(config, _)| config).collect();
    let mut without = 0;
    for config in registry().configs() {
        let hub = base(&config.name, "managed-inference").contains_key("modelName");
        if registry().on(config, "neuron").is_some() || !hub {
            continue;
        }
        without += 1;
        let mut inputs = base(&config.name, "managed-inference");
        inputs.insert("instanceType".to_owned(), json!("ml.inf2.8xlarge"));
        let plan = plan_of(&inputs);
        let one = plan.findings.iter().find(|finding| finding.id == "MCC-ACC-001");
        let one = one.unwrap_or_else(|| panic!("{}: {:#?}", config.name, plan.findings));
        assert!(one.is_error(), "{}", config.name);
        let siblings =
            with.iter().any(|name| name.starts_with(&format!("{}-", config.architecture)));
        assert_eq!(with.iter().any(|name| one.fix.contains(name)), siblings, "{}", one.fix);
    }
    assert!(without > 3);
}

fn device(name: &str) -> Device {
    sizing::device_of(Catalogs::embedded().instances().get(name).unwrap()).unwrap()
}

/// By the published configuration of Llama 3.1 8B: 16,060,522,496 bytes of weights over 2 cores of 16 GiB, and
/// 131,072 bytes of cache for each token.
#[test]
fn the_cache_of_all_sequences_is_counted() {
    let catalogs = Catalogs::embedded();
    let row = catalogs.models().get("meta-llama/Llama-3.1-8B-Instruct").unwrap();
    let model = sizing::shape_of(row).unwrap();
    let plan = |sequences: u32, context: u64| {
        let wanted = Wanted {
            max_num_seqs: Some(sequences),
            max_model_len: Some(context),
            ..Wanted::default()
        };
        sizing::plan(&model, &device("ml.inf2.8xlarge"), &wanted)
    };
    let usual = plan(4, 4096);
    assert_eq!((usual.serving.tensor_parallel, usual.sizing.verdict), (2, Verdict::Fits));
    assert!((usual.sizing.weights_gib - 7.48).abs() < 0.01, "{}", usual.sizing.weights_gib);
    assert!(
        (usual.sizing.sequence_gib.unwrap() - 0.25).abs() < 1e-9,
        "half of 4096 x 131072 bytes"
    );
    assert_eq!(usual.sizing.kv_tokens, Some(4 * 4096), "no more than are compiled in");
    let mut last = f64::INFINITY;
    for sequences in [1, 2, 4, 8, 16, 32, 64] {
        let longest = plan(sequences, 4096).sizing.longest_context.unwrap();
        #[expect(clippy::cast_precision_loss, reason = "tokens")]
        let longest = longest as f64;
        assert!(longest <= last, "{sequences} sequences have room for longer ones than fewer have");
        last = longest;
    }
    assert_eq!(plan(64, 4096).sizing.verdict, Verdict::TooBig, "16 GiB of cache on each core");
    // Of a model that could do more, 4096 tokens are compiled in unless more are asked for.
    let open = sizing::plan(&model, &device("ml.inf2.8xlarge"), &Wanted::default());
    assert_eq!(open.max_model_len, Some(sizing::COMPILED_CONTEXT));
}

/// Qwen2.5 7B has 28 attention and 4 key-value heads. Over 8 cores each of the latter is kept twice, 57,344 bytes of a
/// token become 14,336 on each core; over 16 they are kept four times.
#[test]
fn heads_that_do_not_divide_are_copied_or_padded() {
    let catalogs = Catalogs::embedded();
    let row = catalogs.models().get("Qwen/Qwen2.5-7B-Instruct").unwrap();
    let model = sizing::shape_of(row).unwrap();
    assert_eq!((model.heads, model.kv_heads), (Some(28), Some(4)));
    let on_a_core = |degree: u32| {
        let wanted = Wanted {
            tensor_parallel: Some(degree),
            max_num_seqs: Some(1),
            max_model_len: Some(4096),
            ..Wanted::default()
        };
        let plan = sizing::plan(&model, &device("ml.inf2.48xlarge"), &wanted);
        plan.sizing.sequence_gib.unwrap() * sizing::GIB / 4096.0
    };
    for (degree, bytes) in [(2, 28_672.0), (4, 14_336.0), (8, 14_336.0), (16, 14_336.0)] {
        assert!((on_a_core(degree) - bytes).abs() < 1.0, "{degree}: {}", on_a_core(degree));
    }
    // Over 3 cores neither heads nor copies come out even: 30 heads, each with keys and values of its own.
    assert!((on_a_core(3) - 57_344.0 / 4.0 * 10.0).abs() < 1.0, "{}", on_a_core(3));
}

#[test]
fn cores_that_do_not_work_together_are_not_chosen() {
    let catalogs = Catalogs::embedded();
    for row in catalogs.models().iter() {
        let Some(model) = sizing::shape_of(row) else { continue };
        for sequences in [1, 4, 16, 64] {
            let wanted = Wanted { max_num_seqs: Some(sequences), ..Wanted::default() };
            let plan = sizing::plan(&model, &device("ml.trn1.32xlarge"), &wanted);
            let degree = plan.serving.tensor_parallel;
            assert!([2, 8, 16, 32].contains(&degree), "{} over {degree}", row.id);
        }
    }
}

#[test]
fn an_instance_is_found_for_who_asks_for_none() {
    let mut inputs = endpoint();
    inputs.shift_remove("instanceType");
    let spec = spec(Catalogs::embedded(), &merged(&inputs)).unwrap();
    assert_eq!(spec.instance.accelerator_kind, "cuda", "what a config runs on by itself");
}
