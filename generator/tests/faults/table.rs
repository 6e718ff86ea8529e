//! The table of faults.

use mcc_catalogs::Instance;
use serde_json::{Map, Value, json};

use super::{
    Dice, Fault, Inputs, TYPES, catalogs, context, deployment, fetches, host, kms, known_pair,
    misspelled, model, old_triton, one, runs, set, shared_scales, small, takes, text, version,
    volume,
};

macro_rules! faults {
    ($($rolls:literal |$inputs:ident, $dice:ident| $body:block)+) => {
        /// All of them.
        pub(crate) const FAULTS: &[Fault] = &[$(Fault { rolls: $rolls, make: |$inputs: &mut Inputs, $dice: &mut Dice| $body }),+];
    };
}

faults! {
    // The form of a value.
    0 |inputs, dice| { one(inputs, dice, &[("projectName", json!("My Project")), ("projectName", json!("-x_y-"))]) }
    0 |inputs, dice| {
        let key = *dice.of(&["deploymentConfig", "deploymentTarget"])?;
        let word = misspelled(text(inputs, key), dice)?;
        set(inputs, key, json!(word))
    }
    0 |inputs, dice| { one(inputs, dice, &[("deploymentTarget", json!("async")), ("deploymentTarget", json!("pods"))]) }
    0 |inputs, dice| { one(inputs, dice, &[("region", json!("Frankfurt")), ("region", json!("us-east-1a")), ("region", json!("X"))]) }
    0 |inputs, dice| { one(inputs, dice, &[("instanceType", json!("m5")), ("instanceType", json!("g5.huge")), ("instanceType", json!("ml.g5"))]) }
    0 |inputs, dice| { one(inputs, dice, &[("buildTarget", json!("docker")), ("buildTarget", json!("codebiuld"))]) }
    0 |inputs, dice| { one(inputs, dice, &[("codebuildComputeType", json!("large")), ("includeTesting", json!("perhaps"))]) }
    0 |inputs, dice| { one(inputs, dice, &[("roleArn", json!("my-role")), ("baseImage", json!("not an image"))]) }
    0 |inputs, dice| {
        one(inputs, dice, &[
            ("workers", json!(1000)), ("workers", json!("many")), ("pythonVersion", json!(3.11)),
            ("pythonVersion", json!("3.9")), ("contentType", json!("text/cvs")), ("frameworkVersion", json!("latest one")),
        ])
    }
    0 |inputs, dice| {
        one(inputs, dice, &[
            ("maxModelLen", json!("long")), ("maxModelLen", json!(0)), ("gpuMemoryUtilization", json!(90)),
            ("dtype", json!("bf")), ("tensorParallelSize", json!(65)), ("maxNumSeqs", json!(-1)),
            ("enableLora", json!("si")), ("hfTokenArn", json!("hf-secret")),
        ])
    }
    0 |inputs, dice| {
        one(inputs, dice, &[
            ("endpointVolumeSize", json!(9999)), ("autoscalingMax", json!(1000)), ("healthCheckTimeout", json!(5)),
            ("endpointVariantName", json!("a_b c")), ("capacityReservationArn", json!("cr-1")),
            ("icMemorySize", json!(1)), ("asyncMaxConcurrent", json!(0)), ("batchStrategy", json!("Multi")),
            ("batchSplitType", json!("lines")), ("asyncS3OutputPath", json!("bucket/x")),
            ("hpMemRequest", json!("lots")), ("hyperpodManifest", json!("helm")), ("hpGpuCount", json!(99)),
        ])
    }
    0 |inputs, dice| { let _ = dice; set(inputs, "kmsKeyArn", json!("alias/mine")) }
    0 |inputs, dice| { let _ = dice; set(inputs, "vpcSubnets", json!(["private"])) }
    0 |inputs, dice| { let _ = dice; inputs.contains_key("modelName").then_some(())?; set(inputs, "modelName", json!("a b c")) }
    0 |inputs, dice| { one(inputs, dice, &[("tags", json!("team")), ("modelEnv", json!(["A=1", "A=2"])), ("modelEnv", json!({"1A": "x"}))]) }
    // Names of inputs.
    0 |inputs, dice| {
        inputs.remove("region");
        one(inputs, dice, &[("regon", json!("eu-west-1")), ("regon", json!("nowhere")), ("Region", json!("us-west-2"))])
    }
    0 |inputs, dice| {
        one(inputs, dice, &[
            ("instance", json!("ml.zz.top")), ("serverEnv", json!({"A": "b"})), ("ngcTokenArn", json!("arn:x")),
            ("zzzzzz", json!(1)), ("modelServer", json!("vllm")),
        ])
    }
    0 |inputs, dice| { one(inputs, dice, &[("hfToken", json!("hf_abc")), ("ngcToken", json!("nv"))]) }
    0 |inputs, dice| {
        one(inputs, dice, &[
            ("modelEnv", json!({"HF_TOKEN": "hf_abcdefghijklmnopqrstuvwxyzABCDEFGH", "LOG_LEVEL": "info"})),
            ("modelEnv", json!({"AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"})),
        ])
    }
    // What does not belong together.
    0 |inputs, dice| { let _ = dice; set(inputs, if fetches(inputs) { "modelPath" } else { "modelName" }, json!("Qwen/Qwen3-0.6B")) }
    0 |inputs, dice| { let _ = dice; set(inputs, "networkIsolation", json!(true)) }
    1 |inputs, dice| { let _ = dice; takes(inputs, "packed").then_some(())?; inputs.remove("includeSample"); set(inputs, "modelPath", json!("/no/such/model.bin")) }
    0 |inputs, dice| { one(inputs, dice, &[("autoscalingMin", json!(2)), ("autoscalingTarget", json!(10.0))]) }
    0 |inputs, dice| { one(inputs, dice, &[("vpcSubnets", json!(["subnet-0123456789abcdef0"])), ("vpcSecurityGroups", json!(["sg-0123456789abcdef0"]))]) }
    0 |inputs, dice| { one(inputs, dice, &[("modelInputs", json!({"x": "FP32[4]"})), ("modelOutputs", json!({"y": "FP32[1]"}))]) }
    0 |inputs, dice| {
        let _ = dice;
        set(inputs, "modelInputs", json!({"x": "FP32[4]"}));
        set(inputs, "modelOutputs", json!({"y": "FP32[1]"}))
    }
    0 |inputs, dice| { let _ = dice; takes(inputs, "tensors").then_some(())?; set(inputs, "includeSample", json!(false)) }
    1 |inputs, dice| {
        let _ = dice;
        takes(inputs, "tensors").then_some(())?;
        set(inputs, "includeSample", json!(false));
        set(inputs, "modelInputs", json!({"x": "float"}));
        set(inputs, "modelOutputs", json!({"y": "FP32[1]"}))
    }
    0 |inputs, dice| {
        let _ = dice;
        takes(inputs, "engine").then_some(())?;
        set(inputs, "baseImage", json!("registry.example.com/base:1"));
        let version = version(inputs, dice)?;
        set(inputs, "engineVersion", json!(version))
    }
    0 |inputs, dice| { let _ = dice; set(inputs, "autoscalingMin", json!(4)); set(inputs, "autoscalingMax", json!(2)) }
    0 |inputs, dice| { let _ = dice; set(inputs, "projectName", json!("two--dashes")) }
    0 |inputs, dice| { let _ = dice; set(inputs, "fsxVolumeHandle", json!("fs-0123456789abcdef0")) }
    1 |inputs, dice| {
        let _ = dice;
        set(inputs, "autoscalingMin", json!(0));
        set(inputs, "autoscalingMax", json!(2))
    }
    4 |inputs, dice| {
        model(inputs, dice)?;
        (text(inputs, "deploymentTarget") == "batch-transform").then_some(())?;
        set(inputs, "modelName", json!("s3://bucket/model/"))?;
        let rows: Vec<&Instance> = runs(inputs);
        set(inputs, "instanceType", json!(dice.of(&rows)?.name.as_str()))
    }
    // Instance types and Regions.
    1 |inputs, dice| { let row = dice.of(&TYPES)?; set(inputs, "instanceType", json!(row.name.as_str())) }
    1 |inputs, dice| { let row = dice.of(&TYPES)?; set(inputs, "instanceType", json!(row.name.as_str())) }
    1 |inputs, dice| {
        let of = deployment(inputs);
        let rows: Vec<&Instance> = TYPES.iter().copied().filter(|row| !of.takes(row)).collect();
        set(inputs, "instanceType", json!(dice.of(&rows)?.name.as_str()))
    }
    0 |inputs, dice| { one(inputs, dice, &[("instanceType", json!("ml.g5.3xlarge")), ("instanceType", json!("ml.q9.large")), ("instanceType", json!("ml.m5.exlarge"))]) }
    0 |inputs, dice| { one(inputs, dice, &[("region", json!("us-east-9")), ("region", json!("eu-wets-1")), ("region", json!("xx-north-1"))]) }
    1 |inputs, dice| {
        let rows: Vec<String> = catalogs().regions().iter().map(|row| row.region.to_string()).collect();
        set(inputs, "buildTarget", json!("codebuild"));
        set(inputs, "region", json!(dice.of(&rows)?))
    }
    1 |inputs, dice| {
        let needs = deployment(inputs).services.clone();
        let lacks = |row: &&mcc_catalogs::RegionRow| needs.iter().any(|service| !row.has(service));
        let rows: Vec<String> =
            catalogs().regions().iter().filter(lacks).map(|row| row.region.to_string()).collect();
        set(inputs, "region", json!(dice.of(&rows)?))
    }
    1 |inputs, dice| {
        let rows: Vec<String> = catalogs().regions().iter().map(|row| row.region.to_string()).collect();
        set(inputs, "region", json!(dice.of(&rows)?))
    }
    0 |inputs, dice| { let _ = dice; set(inputs, "region", json!("eu-west-1")); set(inputs, "kmsKeyArn", kms("us-east-1")) }
    0 |inputs, dice| {
        let _ = dice;
        inputs.remove("region");
        set(inputs, "kmsKeyArn", kms("us-east-1"));
        set(inputs, "asyncSnsErrorTopic", json!("arn:aws:sns:eu-west-1:123456789012:topic"))
    }
    0 |inputs, dice| {
        let _ = dice;
        inputs.remove("region");
        set(inputs, "kmsKeyArn", kms("us-east-1"));
        set(inputs, "hfTokenArn", json!("arn:aws:secretsmanager:us-west-2:123456789012:secret:hf-AbCdEf"))
    }
    // Images and hosts.
    1 |inputs, dice| { one(inputs, dice, &[("engineVersion", json!("99.9")), ("engineVersion", json!("0.0.1"))]) }
    1 |inputs, dice| { let version = version(inputs, dice)?; set(inputs, "engineVersion", json!(version)) }
    3 |inputs, dice| {
        let version = version(inputs, dice)?;
        let rows: Vec<&Instance> = runs(inputs);
        set(inputs, "instanceType", json!(dice.of(&rows)?.name.as_str()));
        set(inputs, "engineVersion", json!(version))
    }
    2 |inputs, dice| {
        one(inputs, dice, &[
            ("baseImage", json!("nvcr.io/nvidia/tritonserver:25.09-trtllm-python-py3")),
            ("baseImage", json!("nvcr.io/nvidia/tritonserver:25.09-vllm-python-py3")),
            ("baseImage", json!("nvcr.io/nvidia/tritonserver:23.01-py3")),
            ("baseImage", json!("vllm/vllm-openai:v0.8.0")),
            ("baseImage", json!("public.ecr.aws/docker/library/python:3.12-slim")),
        ])
    }
    1 |inputs, dice| { host(inputs, dice, &["al2-ami-sagemaker-inference-gpu-9", "gpu", "al2-ami-sagemaker-batch-gpu-999"]) }
    1 |inputs, dice| {
        let amis = catalogs().amis();
        let all = amis.inference().chain(amis.transform()).map(|row| row.ami.as_str());
        let all: Vec<&str> = all.collect();
        host(inputs, dice, &all)
    }
    // Models of the user's own.
    2 |inputs, dice| { takes(inputs, "packed").then_some(())?; one(inputs, dice, &[("modelFormat", json!("onnx")), ("modelFormat", json!("skops")), ("modelFormat", json!("SavedModel")), ("modelFormat", json!("json"))]) }
    4 |inputs, dice| {
        takes(inputs, "packed").then_some(())?;
        one(inputs, dice, &[
            ("pythonVersion", json!("3.10")), ("pythonVersion", json!("3.13")), ("frameworkVersion", json!("0.1.0")),
            ("frameworkVersion", json!("0.19.0")), ("frameworkVersion", json!("99.0")),
        ])
    }
    4 |inputs, dice| { old_triton(inputs, dice) }
    // Language models.
    0 |inputs, dice| { model(inputs, dice)?; let rows = runs(inputs); set(inputs, "instanceType", json!(dice.of(&rows)?.name.as_str())) }
    0 |inputs, dice| { model(inputs, dice)?; let rows = runs(inputs); set(inputs, "instanceType", json!(dice.of(&rows)?.name.as_str())) }
    0 |inputs, dice| { model(inputs, dice)?; let rows = runs(inputs); set(inputs, "instanceType", json!(dice.of(&rows)?.name.as_str())) }
    1 |inputs, dice| {
        let all: Vec<&str> = catalogs().models().iter().map(|row| row.id.as_str()).collect();
        fetches(inputs).then_some(())?;
        set(inputs, "modelName", json!(dice.of(&all)?))
    }
    3 |inputs, dice| {
        let all: Vec<&str> = catalogs().models().iter().map(|row| row.id.as_str()).collect();
        fetches(inputs).then_some(())?;
        set(inputs, "modelName", json!(dice.of(&all)?));
        let version = version(inputs, dice)?;
        set(inputs, "engineVersion", json!(version))
    }
    1 |inputs, dice| { model(inputs, dice)?; one(inputs, dice, &[("maxModelLen", json!(40_960)), ("maxModelLen", json!(131_072)), ("maxModelLen", json!(9_000_000))]) }
    1 |inputs, dice| {
        model(inputs, dice)?;
        set(inputs, "instanceType", json!(dice.of(&["ml.g5.2xlarge", "ml.g6e.2xlarge", "ml.g5.12xlarge", "ml.p4d.24xlarge", "ml.inf2.xlarge"])?));
        one(inputs, dice, &[("maxModelLen", json!(40_960)), ("maxModelLen", json!(131_072)), ("maxModelLen", json!(1_000_000))])
    }
    2 |inputs, dice| { volume(inputs, dice) }
    2 |inputs, dice| { volume(inputs, dice) }
    1 |inputs, dice| {
        model(inputs, dice)?;
        one(inputs, dice, &[
            ("modelName", json!("huggingface-llm-mistral-7b-instruct-v3")),
            ("modelName", json!("huggingface-llm-qwen2-5-7b-instruct")),
            ("modelName", json!("huggingface-llm-qwen2-0-5b-instruct")),
        ])
    }
    1 |inputs, dice| { model(inputs, dice)?; one(inputs, dice, &[("tensorParallelSize", json!(3)), ("tensorParallelSize", json!(16)), ("tensorParallelSize", json!(5)), ("tensorParallelSize", json!(2))]) }
    1 |inputs, dice| {
        model(inputs, dice)?;
        set(inputs, "instanceType", json!(dice.of(&["ml.g5.2xlarge", "ml.g5.12xlarge", "ml.p4d.24xlarge", "ml.g6e.12xlarge", "ml.inf2.24xlarge", "ml.trn1.32xlarge"])?));
        one(inputs, dice, &[("tensorParallelSize", json!(3)), ("tensorParallelSize", json!(16)), ("tensorParallelSize", json!(7)), ("tensorParallelSize", json!(4))])
    }
    1 |inputs, dice| {
        model(inputs, dice)?;
        takes(inputs, "ic").then_some(())?;
        set(inputs, "inferenceComponent", json!(true));
        one(inputs, dice, &[("icGpuCount", json!(16)), ("icGpuCount", json!(9))])
    }
    0 |inputs, dice| { model(inputs, dice)?; takes(inputs, "hyperpod").then_some(())?; one(inputs, dice, &[("hpGpuCount", json!(16)), ("hpGpuCount", json!(9))]) }
    1 |inputs, dice| { small(inputs, dice)?; one(inputs, dice, &[("quantization", json!("fp8")), ("quantization", json!("awq")), ("quantization", json!("bitsandbytes"))])?; set(inputs, "instanceType", json!(dice.of(&["ml.g4dn.xlarge", "ml.g4dn.12xlarge", "ml.p3.2xlarge", "ml.p3.8xlarge", "ml.g5.xlarge"])?)) }
    1 |inputs, dice| { small(inputs, dice)?; set(inputs, "dtype", json!("bfloat16")); set(inputs, "instanceType", json!(dice.of(&["ml.g4dn.xlarge", "ml.g4dn.12xlarge", "ml.p3.2xlarge", "ml.p3.8xlarge"])?)) }
    1 |inputs, dice| { shared_scales(inputs, dice) }
    1 |inputs, dice| { shared_scales(inputs, dice) }
    1 |inputs, dice| { shared_scales(inputs, dice) }
    1 |inputs, dice| { known_pair(inputs, dice) }
    1 |inputs, dice| { known_pair(inputs, dice) }
    1 |inputs, dice| { known_pair(inputs, dice) }
    2 |inputs, dice| { context(inputs, dice, &[("Qwen/Qwen3-8B", "ml.g5.2xlarge", 40_960), ("Qwen/Qwen3-8B", "ml.g6.xlarge", 32_768), ("meta-llama/Llama-3.1-8B-Instruct", "ml.g5.2xlarge", 131_072), ("Qwen/Qwen3-32B", "ml.g6e.12xlarge", 40_960)]) }
    2 |inputs, dice| { context(inputs, dice, &[("Qwen/Qwen3-0.6B", "ml.g6e.2xlarge", 50_000), ("Qwen/Qwen3-0.6B", "ml.g5.2xlarge", 65_536), ("Qwen/Qwen3-8B", "ml.p4d.24xlarge", 60_000), ("Qwen/Qwen3-8B", "ml.p5.48xlarge", 131_072)]) }
    2 |inputs, dice| {
        small(inputs, dice)?;
        set(inputs, "instanceType", json!(dice.of(&["ml.g5.12xlarge", "ml.g6e.12xlarge", "ml.p4d.24xlarge"])?));
        set(inputs, "tensorParallelSize", json!(dice.of(&[3, 5, 6, 7])?))
    }
    4 |inputs, dice| {
        small(inputs, dice)?;
        set(inputs, "instanceType", json!(dice.of(&["ml.g5.2xlarge", "ml.g6.2xlarge", "ml.g6e.2xlarge"])?));
        let all: Vec<&str> = catalogs().amis().inference().map(|row| row.ami.as_str()).collect();
        takes(inputs, "endpoint").then_some(())?;
        set(inputs, "inferenceAmiVersion", json!(dice.of(&all)?))
    }
    // Options of the engine.
    1 |inputs, dice| { fetches(inputs).then_some(())?; one(inputs, dice, &[("engineArgs", json!({"enable-prefix-cachin": true})), ("engineArgs", json!({"no-such-option-at-all": 1, "seed": 7})), ("engineArgs", json!(["max-num-batchd-tokens=8192"]))]) }
    1 |inputs, dice| { fetches(inputs).then_some(())?; one(inputs, dice, &[("engineArgs", json!({"seed": "x"})), ("engineArgs", json!({"kv-cache-dtype": "fp9"})), ("engineArgs", json!({"kv_cache_dtype": true})), ("engineArgs", json!({"enforce-eager": "maybe"}))]) }
    1 |inputs, dice| { fetches(inputs).then_some(())?; one(inputs, dice, &[("engineArgs", json!({"max_model_len": 4096})), ("engineArgs", json!({"port": 80, "seed": 1})), ("engineArgs", json!({"max-num-seqs": "few"})), ("engineArgs", json!({"host": "x"}))]) }
    1 |inputs, dice| { model(inputs, dice)?; one(inputs, dice, &[("engineArgs", json!({"pipeline-parallel-size": 16})), ("engineArgs", json!({"pipeline_parallel_size": 9, "seed": 3})), ("engineArgs", json!({"data-parallel-size": 32}))]) }
    // Limits.
    0 |inputs, dice| {
        let _ = dice;
        let many: Map<String, Value> = (0..99).map(|at| (format!("NAME_{at}"), json!("x"))).collect();
        set(inputs, "modelEnv", Value::Object(many))
    }
    0 |inputs, dice| { let _ = dice; set(inputs, "modelEnv", json!({"LONG": "x".repeat(3000), "SHORT": "y"})) }
    2 |inputs, dice| { one(inputs, dice, &[("batchMaxConcurrent", json!(50)), ("batchMaxConcurrent", json!(100))])?; set(inputs, "batchMaxPayload", json!(6)) }
    0 |inputs, dice| { one(inputs, dice, &[("tags", json!({"a.b": "x!y", "c": "d"})), ("tags", json!({"long": "x".repeat(300)}))]) }
    0 |inputs, dice| {
        let _ = dice;
        let many: Map<String, Value> = (0..60).map(|at| (format!("name{at}"), json!("x"))).collect();
        set(inputs, "tags", Value::Object(many))
    }
    // Nodes and tasks.
    1 |inputs, dice| {
        (text(inputs, "deploymentTarget") == "hyperpod-eks").then_some(())?;
        let other = *dice.of(&["ml.p5.48xlarge", "ml.c7i.2xlarge", "ml.g6e.48xlarge"])?;
        set(inputs, "hpNodeSelector", json!({"node.kubernetes.io/instance-type": other, "team": "ml"}))
    }
    1 |inputs, dice| {
        fetches(inputs).then_some(())?;
        one(inputs, dice, &[
            ("modelName", json!("BAAI/bge-m3")), ("modelName", json!("openai/whisper-large-v3")),
            ("modelName", json!("BAAI/bge-reranker-large")),
        ])
    }
    // Registries.
    1 |inputs, dice| {
        one(inputs, dice, &[
            ("baseImage", json!("763104351884.dkr.ecr.cn-north-1.amazonaws.com.cn/vllm:0.27-gpu-py312")),
            ("baseImage", json!("763104351884.dkr.ecr.us-east-1.amazonaws.com.cn/vllm:0.27-gpu-py312")),
            ("baseImage", json!("111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/mine:1")),
        ])
    }
}
