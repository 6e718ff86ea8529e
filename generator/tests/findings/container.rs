//! What the container reads, reaches and is sent.

use serde_json::json;

use super::{found, plan, says};

#[test]
fn variables_that_nothing_reads_are_told() {
    for (config, name, words) in [
        ("transformers-vllm", "SM_VLLM_MAX_MODEL_LEN", "give engineArgs"),
        ("transformers-vllm", "HF_MODEL_ID", "give modelName"),
        ("transformers-vllm", "OPTION_ROLLING_BATCH", "only DJL Serving"),
        ("transformers-vllm", "MAX_TOTAL_TOKENS", "give maxModelLen"),
        ("transformers-sglang", "SM_SGLANG_CONTEXT_LENGTH", "give engineArgs"),
        ("transformers-lmi", "SERVING_LOAD_MODELS", "a second model"),
        ("transformers-lmi", "OPTION_PREDICT_TIMEOUT", "asyncInvocationTimeout"),
        ("triton-vllm", "SM_NUM_GPUS", "give tensorParallelSize"),
        // What is read, or of which nothing is known.
        ("transformers-vllm", "VLLM_ATTENTION_BACKEND", ""),
        ("transformers-vllm", "HF_HUB_ENABLE_HF_TRANSFER", ""),
        ("transformers-vllm", "MY_OWN", ""),
        ("transformers-lmi", "OPTION_ENABLE_STREAMING", ""),
        ("transformers-lmi", "SERVING_RETRY_THRESHOLD", ""),
    ] {
        let base = json!({"modelName": "Qwen/Qwen3-8B", "deploymentConfig": config});
        says(&base, &json!({"modelEnv": {name: "1"}}), "MCC-ENV-001", words);
    }
    let packed = json!({"framework": "sklearn"});
    says(
        &packed,
        &json!({"modelEnv": {"SAGEMAKER_MODEL_SERVER_WORKERS": "2"}}),
        "MCC-ENV-001",
        "give workers",
    );
    says(&packed, &json!({"modelEnv": {"SAGEMAKER_PROGRAM": "x.py"}}), "MCC-ENV-001", "no effect");
    says(&packed, &json!({"modelEnv": {"LOG_LEVEL": "debug"}}), "MCC-ENV-001", "");
}

#[test]
fn variables_that_ask_for_what_an_input_decides_are_told() {
    let lmi = json!({"modelName": "Qwen/Qwen3-8B", "deploymentConfig": "transformers-lmi"});
    for (name, words) in [
        ("OPTION_MAX_MODEL_LEN", "give maxModelLen"),
        ("OPTION_TENSOR_PARALLEL_DEGREE", "give tensorParallelSize"),
        ("OPTION_ENABLE_STREAMING", ""),
    ] {
        says(&lmi, &json!({"modelEnv": {name: "1"}}), "MCC-ENV-002", words);
    }
}

#[test]
fn a_server_is_not_given_longer_than_its_target_waits() {
    let base = json!({"framework": "sklearn"});
    for (more, words) in [
        (json!({"modelEnv": {"TIMEOUT_S": "300"}}), "managed-inference waits 60"),
        (json!({"modelEnv": {"TIMEOUT_S": "60"}}), ""),
        (json!({"modelEnv": {"TIMEOUT_S": "300"}, "deploymentTarget": "async-inference"}), ""),
        (json!({"modelEnv": {"TIMEOUT_S": "300"}, "deploymentTarget": "batch-transform"}), ""),
    ] {
        says(&base, &more, "MCC-ENV-003", words);
    }
}

const CUSTOM: &str = r#"{"architectures": ["FooForCausalLM"], "auto_map": {"AutoModelForCausalLM": "REPOSITORYmodeling.Foo"},
    "hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32, "num_key_value_heads": 8,
    "num_hidden_layers": 32, "vocab_size": 128256, "max_position_embeddings": 8192, "torch_dtype": "bfloat16"}"#;

#[test]
fn a_vpc_has_to_lead_to_the_model() {
    let vpc = json!({"vpcSubnets": ["subnet-0123456789abcdef0"], "vpcSecurityGroups": ["sg-0123456789abcdef0"]});
    let hub = json!({"modelName": "Qwen/Qwen3-8B"});
    let s3 = json!({"modelName": "s3://models/qwen/", "modelConfig": "Qwen/Qwen3-8B"});
    says(&hub, &vpc, "MCC-NET-001", "gateway endpoint for S3");
    says(&hub, &json!({}), "MCC-NET-001", "");
    says(&s3, &vpc, "MCC-NET-001", "");
    says(&s3, &vpc, "MCC-NET-002", "gateway endpoint for S3");
    says(&json!({"framework": "sklearn"}), &vpc, "MCC-NET-002", "");
    // Without any network the hub is never reached, with a VPC or without.
    let mut isolated = super::object(vpc);
    isolated.insert("networkIsolation".to_owned(), json!(true));
    let isolated = serde_json::Value::Object(isolated);
    says(&hub, &isolated, "MCC-INP-007", "put the model's files into S3");
    says(&hub, &isolated, "MCC-NET-001", "");
    says(&s3, &isolated, "MCC-INP-007", "");
}

#[test]
fn code_of_another_repository_does_not_come_with_a_model_in_s3() {
    let config = |repository: &str| CUSTOM.replace("REPOSITORY", repository);
    for (name, repository, words) in [
        ("s3://models/foo/", "owner/code--", "code of owner/code"),
        ("s3://models/foo/", "", ""),
        ("me/foo", "owner/code--", ""),
    ] {
        let base =
            json!({"modelName": name, "modelConfig": config(repository), "trustRemoteCode": true});
        says(&base, &json!({}), "MCC-NET-003", words);
    }
}

#[test]
fn a_record_fits_into_a_request() {
    let of = |dims: &str| {
        json!({"deploymentConfig": "triton-onnxruntime", "includeSample": false,
            "modelInputs": {"x": dims}, "modelOutputs": {"y": "FP32[1]"}})
    };
    for (dims, target, words) in [
        ("FP32[3,2048,2048]", "managed-inference", "use async-inference"),
        ("FP32[3,2048,2048]", "async-inference", ""),
        // It fits only in the binary form.
        ("FP32[3,1024,1024]", "managed-inference", "as JSON"),
        ("FP32[3,224,224]", "managed-inference", ""),
        ("FP32[-1]", "managed-inference", ""),
        // A dimension of any length may be short: that is no reason to refuse.
        ("FP32[-1,3,2048,2048]", "managed-inference", "as JSON"),
        ("STRING[1]", "managed-inference", ""),
    ] {
        says(&of(dims), &json!({"deploymentTarget": target}), "MCC-LIM-004", words);
    }
}

#[test]
fn jobs_send_an_engine_several_requests_and_no_line_of_names() {
    let job = json!({"modelName": "Qwen/Qwen3-8B", "deploymentTarget": "batch-transform"});
    says(&job, &json!({}), "MCC-LIM-005", "give batchMaxConcurrent 16");
    says(&job, &json!({"batchMaxPayload": 50}), "MCC-LIM-005", "give batchMaxConcurrent 2");
    says(&job, &json!({"batchMaxPayload": 100}), "MCC-LIM-005", "");
    says(&job, &json!({"batchMaxConcurrent": 8}), "MCC-LIM-005", "");
    says(&json!({"modelName": "Qwen/Qwen3-8B"}), &json!({}), "MCC-LIM-005", "");
    says(
        &json!({"framework": "sklearn", "deploymentTarget": "batch-transform"}),
        &json!({}),
        "MCC-LIM-005",
        "",
    );

    let csv = json!({"framework": "sklearn", "deploymentTarget": "batch-transform", "contentType": "text/csv"});
    for (more, words) in [
        (json!({}), "leave column names out"),
        (json!({"batchSplitType": "None"}), ""),
        (json!({"batchContentType": "text/csv; header=present"}), "no record is left in it"),
        (json!({"batchContentType": "text/csv; header=present", "batchSplitType": "None"}), ""),
        (json!({"contentType": "application/json"}), ""),
    ] {
        says(&csv, &more, "MCC-LIM-006", words);
    }
}

#[test]
fn accounts_regions_and_hosts_of_registries_belong_together() {
    let at = |region: &str, host: &str, words: &str| {
        let base = json!({"modelName": "Qwen/Qwen3-8B", "instanceType": "ml.g5.2xlarge", "region": region});
        let image = format!("{host}/vllm:0.27-gpu-py312");
        says(&base, &json!({"baseImage": image}), "MCC-IMG-045", words);
    };
    for (region, host, words) in [
        (
            "cn-north-1",
            "763104351884.dkr.ecr.cn-north-1.amazonaws.com.cn",
            "another partition than cn-north-1\ngive baseImage: 727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/vllm:0.27-gpu-py312",
        ),
        (
            "cn-northwest-1",
            "763104351884.dkr.ecr.cn-north-1.amazonaws.com",
            "end in amazonaws.com.cn\ngive baseImage: 727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/vllm:",
        ),
        (
            "us-east-1",
            "763104351884.dkr.ecr.us-east-1.amazonaws.com.cn",
            "end in amazonaws.com\ngive baseImage: 763104351884.dkr.ecr.us-east-1.amazonaws.com/vllm:",
        ),
        (
            "us-east-1",
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com.cn",
            "end in amazonaws.com\ngive baseImage: 111122223333.dkr.ecr.eu-west-1.amazonaws.com/vllm:",
        ),
        (
            "us-east-1",
            "727897471807.dkr.ecr.us-east-1.amazonaws.com",
            "give baseImage: 763104351884.dkr.ecr.us-east-1.amazonaws.com/vllm:",
        ),
        (
            "us-east-1",
            "763104351884.dkr.ecr.me-south-1.amazonaws.com",
            "in me-south-1 AWS publishes its images in another account than 763104351884\ngive baseImage: 217643126080.",
        ),
        // Other Regions of the same partition are fine.
        ("us-east-1", "763104351884.dkr.ecr.us-east-1.amazonaws.com", ""),
        ("eu-west-1", "763104351884.dkr.ecr.us-east-1.amazonaws.com", ""),
        ("us-east-1", "763104351884.dkr.ecr-fips.us-east-1.amazonaws.com", ""),
        ("cn-north-1", "727897471807.dkr.ecr.cn-northwest-1.amazonaws.com.cn", ""),
        ("cn-north-1", "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn", ""),
        // Regions and hosts of which nothing is known.
        ("us-east-1", "763104351884.dkr.ecr.xx-north-9.amazonaws.com.cn", ""),
        ("us-east-1", "763104351884.dkr.ecr.cn-north-1.example.com", ""),
        ("us-east-1", "registry.example.com", ""),
    ] {
        at(region, host, words);
    }
}

#[test]
fn an_image_of_another_partition_cannot_be_pulled() {
    let plan_at = |region: &str, host: &str| {
        let base = json!({"modelName": "Qwen/Qwen3-8B", "instanceType": "ml.g5.2xlarge", "region": region});
        plan(&base, &json!({"baseImage": format!("{host}/vllm:0.27-gpu-py312")}))
    };
    for (region, host, fix) in [
        // AWS has its images in the project's Region too.
        (
            "us-east-1",
            "727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn",
            "give baseImage: 763104351884.dkr.ecr.us-east-1.amazonaws.com/vllm:0.27-gpu-py312",
        ),
        (
            "us-east-1",
            "763104351884.dkr.ecr.cn-north-1.amazonaws.com.cn",
            "give baseImage: 763104351884.dkr.ecr.us-east-1.amazonaws.com/vllm:0.27-gpu-py312",
        ),
        // The user's own account says where the project belongs.
        ("us-east-1", "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn", "region: cn-north-1"),
        ("cn-north-1", "111122223333.dkr.ecr.eu-west-1.amazonaws.com", "region: eu-west-1"),
        (
            "us-gov-west-1",
            "111122223333.dkr.ecr.us-west-2.amazonaws.com",
            "a registry in us-gov-west-1",
        ),
    ] {
        let plan = plan_at(region, host);
        let finding = found(&plan, "MCC-IMG-045").unwrap_or_else(|| panic!("{region} {host}"));
        assert!(finding.is_error() && finding.message.contains("are not valid"), "{finding:?}");
        assert!(finding.fix.contains(fix), "{finding:?}");
    }
    // The partition of a Region that the catalogs do not know is not known either.
    let unknown = plan_at("us-east-9", "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn");
    assert!(found(&unknown, "MCC-IMG-045").is_none(), "{:?}", unknown.findings);
}
