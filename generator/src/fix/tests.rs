use serde_json::json;

use super::*;

fn words(fixes: impl Into<Fixes>) -> (String, String) {
    let fixes = fixes.into();
    (fixes.words(Face::Arguments), fixes.words(Face::Flags(None)))
}

#[test]
fn each_face_has_its_own_words() {
    for (fixes, arguments, flags) in [
        (
            Fixes::from(Fix::set("instanceType", "ml.g6e.2xlarge")),
            "give instanceType: ml.g6e.2xlarge",
            "give --instance-type ml.g6e.2xlarge",
        ),
        (
            Fix::choose("tensorParallelSize", [1, 2, 4]).or(Fix::unset("maxModelLen")),
            "give tensorParallelSize: 1, 2 or 4, or leave maxModelLen out",
            "give --tensor-parallel-size 1, 2 or 4, or leave --max-model-len out",
        ),
        (
            Fix::unset("baseImage").and(Fix::set("engineVersion", "0.26.0")).into(),
            "leave baseImage out and give engineVersion: 0.26.0",
            "leave --base-image out and give --engine-version 0.26.0",
        ),
        (
            Fix::set("includeSample", false).or(Fix::set("enableLora", true)),
            "give includeSample: false, or give enableLora: true",
            "give --include-sample=false, or give --enable-lora",
        ),
        (
            Fix::set(entry("engineArgs", "seed"), 7).or(Fix::unset(entry("engineArgs", "a.b"))),
            "give seed: 7 in engineArgs, or leave a.b out of engineArgs",
            "give --engine-args seed=7, or leave a.b out of --engine-args",
        ),
        (
            Fix::set(entry("modelEnv", "A"), "x y").into(),
            "give A: x y in modelEnv",
            "give --model-env 'A=x y'",
        ),
        (
            Fix::set("vpcSubnets", json!(["subnet-0123abcd", "subnet-0123abce"])).into(),
            "give vpcSubnets: [\"subnet-0123abcd\",\"subnet-0123abce\"]",
            "give --vpc-subnets subnet-0123abcd --vpc-subnets subnet-0123abce",
        ),
        (
            Fix::set("instanceType", "ml.g5.xlarge").and(Fix::say("the cheapest")).into(),
            "give instanceType: ml.g5.xlarge (the cheapest)",
            "give --instance-type ml.g5.xlarge (the cheapest)",
        ),
        (
            Fix::say("give its config.json as modelConfig, in this region; do/modelPath is none")
                .into(),
            "give its config.json as modelConfig, in this region; do/modelPath is none",
            "give its config.json as --model-config, in this region; do/modelPath is none",
        ),
        (Fix::unset("regon").into(), "leave regon out", "leave regon out"),
    ] {
        assert_eq!(words(fixes), (arguments.to_owned(), flags.to_owned()));
    }
}

#[test]
fn what_is_left_out_is_left_out_where_it_was_given() {
    let fix = Fixes::from(Fix::unset("region"));
    for (label, words) in [
        ("--region", "leave --region out"),
        ("the environment variable ML_REGION", "unset ML_REGION"),
        ("mcc.json", "leave region out of mcc.json"),
    ] {
        assert_eq!(fix.words(Face::Flags(Some(("region", label)))), words);
    }
    let other = fix.words(Face::Flags(Some(("instanceType", "mcc.json"))));
    assert_eq!(other, "leave --region out");
}

#[test]
fn data_can_be_done_without_its_words() {
    let mut inputs = json!({"engineArgs": ["seed=1", "--trace"], "region": "x"});
    let inputs = inputs.as_object_mut().unwrap();
    let remedy = Fix::unset("region")
        .and(Fix::unset(entry("engineArgs", "seed")))
        .and(Fix::choose("maxModelLen", [1, 2]))
        .and(Fix::say("words"));
    remedy.apply(inputs, 1);
    assert_eq!(json!(inputs), json!({"engineArgs": {"trace": true}, "maxModelLen": 2}));
    Remedy::from(Fix::unset(entry("engineArgs", "trace"))).apply(inputs, 0);
    assert_eq!(json!(inputs), json!({"maxModelLen": 2}));
    let written = serde_json::to_value(Fixes::from(remedy).or("only words")).unwrap();
    assert_eq!(
        written,
        json!([{"choose": {"maxModelLen": [1, 2]}, "unset": ["region", "engineArgs.seed"]}])
    );
}
