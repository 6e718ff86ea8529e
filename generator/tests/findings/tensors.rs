//! Tensors of packed models that contradict their server or their own file, and what surrounds such a model.

use serde_json::{Value, json};

use super::{found, plan, says};

fn own(config: &str, inputs: &Value, outputs: &Value) -> Value {
    json!({"deploymentConfig": config, "instanceType": "ml.g5.xlarge", "includeSample": false,
        "modelInputs": inputs, "modelOutputs": outputs})
}

#[test]
fn a_server_with_names_of_its_own_gets_those() {
    let (x, y) = (json!({"input__0": "FP32[4]"}), json!({"output__0": "FP32[1]"}));
    for (config, inputs, outputs, words) in [
        (
            "triton-fil",
            &json!({"x": "FP32[4]"}),
            &y,
            "input__0 as FP32, and modelInputs has x as FP32",
        ),
        ("triton-fil", &json!({"input__0": "FP64[4]"}), &y, "has input__0 as FP64"),
        ("triton-fil", &x, &json!({"y": "FP32[3]"}), "output__0 as FP32, and modelOutputs has y"),
        ("triton-fil", &x, &y, ""),
        ("triton-fil", &x, &json!({"output__0": "FP32[3]", "treeshap_output": "FP32[3,5]"}), ""),
        // TorchScript has no names: the server takes the order, and warns only.
        ("triton-pytorch", &json!({"x": "FP32[4]"}), &json!({"y": "FP32[1]"}), ""),
        ("triton-onnxruntime", &json!({"x": "FP32[4]"}), &json!({"y": "FP32[1]"}), ""),
    ] {
        says(&own(config, inputs, outputs), &json!({}), "MCC-TEN-030", words);
    }
    // What is proposed has the width that was given, and nothing against it.
    let wrong = own("triton-fil", &json!({"x": "INT64[7]"}), &y);
    let told = plan(&wrong, &json!({}));
    assert!(found(&told, "MCC-TEN-030").expect("a finding").fix.contains("FP32[7]"), "{told:#?}");
    let right = plan(&wrong, &json!({"modelInputs": {"input__0": "FP32[7]"}}));
    assert!(right.is_ready(), "{:#?}", right.findings);
    // Where nothing says them, the example is one that the server takes.
    for (config, words) in [
        ("triton-fil", "input__0=FP32[8] and output__0=FP32[1]"),
        ("triton-pytorch", "features__0=FP32[8]"),
    ] {
        let base = json!({"deploymentConfig": config, "modelPath": unknown()});
        says(&base, &json!({}), "MCC-TEN-001", words);
    }
}

/// A file that says nothing of its tensors.
fn unknown() -> String {
    let dir = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("findings-tensors");
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join("unknown.pt");
    std::fs::write(&path, b"PK").unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn what_contradicts_the_file_is_refused() {
    // Its graph has features and rings, both FP32.
    let file = format!("{}/tests/triton/sample.onnx", env!("CARGO_MANIFEST_DIR"));
    let base = json!({"deploymentConfig": "triton-onnxruntime", "modelPath": file});
    let given =
        |inputs: Value, outputs: Value| json!({"modelInputs": inputs, "modelOutputs": outputs});
    let (features, rings) = (json!({"features": "FP32[8]"}), json!({"rings": "FP32[1]"}));
    for (more, words) in [
        (
            given(json!({"x": "FP32[8]"}), rings.clone()),
            "has features as FP32, and modelInputs has x as FP32",
        ),
        (given(json!({"features": "FP64[8]"}), rings.clone()), "modelInputs has features as FP64"),
        (given(features.clone(), json!({"y": "FP32[1]"})), "modelOutputs has y as FP32"),
        (given(json!({"features": "FP32[8]", "more": "FP32[1]"}), rings.clone()), "more as FP32"),
        (given(features, rings), ""),
        (json!({}), ""),
    ] {
        says(&base, &more, "MCC-TEN-031", words);
    }
}

#[test]
fn a_triton_server_without_the_engine_is_no_image_for_it() {
    let base = json!({"modelName": "Qwen/Qwen3-8B", "instanceType": "ml.g6e.2xlarge"});
    for (image, words) in [
        ("nvcr.io/nvidia/tritonserver:25.09-py3", "starts vllm, and this image is a Triton server"),
        ("nvcr.io/nvidia/tritonserver:25.09-trtllm-python-py3", "starts vllm"),
        ("nvcr.io/nvidia/tritonserver:25.09-vllm-python-py3", ""),
        ("vllm/vllm-openai:v0.27.1", ""),
        ("registry.example.com/me/own:1", ""),
    ] {
        says(&base, &json!({"baseImage": image}), "MCC-IMG-006", words);
    }
}

#[test]
fn the_name_of_a_bucket_can_say_another_region() {
    let model = |uri: &str| json!({"modelName": uri, "modelConfig": "Qwen/Qwen3-8B", "instanceType": "ml.g6e.2xlarge"});
    for (uri, region, words) in [
        (
            "s3://models-eu-west-1/qwen/",
            json!("us-east-1"),
            "says eu-west-1, and the project is in us-east-1",
        ),
        ("s3://eu-west-1.models/qwen/", json!(null), "give region: eu-west-1"),
        ("s3://models-eu-west-1/qwen/", json!("eu-west-1"), ""),
        // A word that only begins like a Region, a key, and a copy that is named after both.
        ("s3://models-eu-west-12/qwen/", json!("us-east-1"), ""),
        ("s3://models/eu-west-1/", json!("us-east-1"), ""),
        ("s3://eu-west-1-to-us-east-1/qwen/", json!("us-east-1"), ""),
        ("s3://models-us-gov-west-1/qwen/", json!("us-gov-west-1"), ""),
    ] {
        says(&model(uri), &json!({"region": region}), "MCC-REG-030", words);
    }
    let answers = json!({"deploymentTarget": "async-inference", "asyncS3OutputPath": "s3://answers-eu-west-1/out/"});
    let base = json!({"modelName": "Qwen/Qwen3-8B", "instanceType": "ml.g6e.2xlarge", "region": "us-east-1"});
    says(&base, &answers, "MCC-REG-030", "says eu-west-1");
}
