//! What a registry has said of the image that was given.

use std::sync::Arc;

use mcc_catalogs::{Arch, Catalogs, Inspected, ResourcesFile, Rows, Table};
use mcc_generator::{Finding, Plan};
use serde_json::{Map, Value, json};

use crate::found;
use crate::support::{merged, object};

const IMAGE: &str = "registry.example.com/team/own:1.0";

/// Something that is there, and of which nothing is known.
fn there() -> Inspected {
    Inspected::of(IMAGE.parse().unwrap(), true)
}

/// What is asked of a project that starts from the image, and the catalogs where its registry said `said`.
fn asked(said: Inspected, config: &str) -> (Catalogs, Map<String, Value>) {
    let file = ResourcesFile { images: Table::from(vec![said]), ..ResourcesFile::default() };
    let catalogs =
        Arc::clone(Catalogs::shared()).with(Rows::live("registry.example.com").with(file));
    let inputs = json!({"projectName": "chat", "deploymentConfig": config, "modelName": "Qwen/Qwen3-8B",
        "region": "us-east-1", "instanceType": "ml.g5.2xlarge", "baseImage": IMAGE});
    (catalogs, object(inputs))
}

fn plan(said: Inspected, config: &str) -> Plan {
    let (catalogs, inputs) = asked(said, config);
    mcc_generator::plan(&catalogs, &merged(&inputs))
}

/// Whatever is proposed for an error, with every value that it lets choose, leaves none.
fn fixes_hold(said: Inspected, least: usize) {
    let (catalogs, inputs) = asked(said, "transformers-vllm");
    let first = mcc_generator::plan(&catalogs, &merged(&inputs));
    let mut tried = 0;
    for remedy in first.findings.iter().filter(|f| f.is_error()).flat_map(|f| f.fixes.data()) {
        for choice in 0..remedy.choices() {
            let mut fixed = inputs.clone();
            remedy.apply(&mut fixed, choice);
            let after = mcc_generator::plan(&catalogs, &merged(&fixed));
            let left = after.findings.iter().find(|finding| finding.is_error());
            assert!(left.is_none(), "{remedy:?} [{choice}] leaves {left:?}");
            tried += 1;
        }
    }
    assert!(tried >= least, "{tried} of {least}: {:#?}", first.findings);
}

#[test]
fn an_image_that_its_registry_lacks_is_refused_with_those_that_it_has() {
    let like = vec!["0.9".to_owned(), "0.8".to_owned()];
    let gone = Inspected { exists: false, like, ..there() };
    fixes_hold(gone.clone(), 3);
    let gone = plan(gone, "transformers-vllm");
    let finding = found(&gone, "MCC-IMG-046").expect("a finding");
    assert!(finding.is_error(), "{finding:?}");
    assert_eq!(finding.message, "registry.example.com does not have this image");
    assert!(finding.fix.contains("registry.example.com/team/own:0.9"), "{finding:?}");
    let bare = plan(Inspected { exists: false, ..there() }, "transformers-vllm");
    assert!(found(&bare, "MCC-IMG-046").is_some_and(Finding::is_error));
    assert!(found(&plan(there(), "transformers-vllm"), "MCC-IMG-046").is_none());
}

#[test]
fn an_image_for_other_processors_is_refused() {
    let of = |platform: &str, arch: Vec<Arch>| {
        let said = Inspected { platforms: vec![platform.to_owned()], arch, ..there() };
        plan(said, "transformers-vllm")
    };
    let arm = of("linux/arm64", vec![Arch::Arm64]);
    let finding = found(&arm, "MCC-IMG-047").expect("a finding");
    assert!(finding.is_error() && finding.message.contains("linux/arm64"), "{finding:?}");
    let platforms = vec!["linux/arm64".to_owned()];
    fixes_hold(Inspected { platforms, arch: vec![Arch::Arm64], ..there() }, 1);
    assert!(found(&of("windows/amd64", Vec::new()), "MCC-IMG-047").is_some());
    assert!(found(&of("linux/amd64", vec![Arch::X86_64]), "MCC-IMG-047").is_none());
    // Of which platforms it is, was not said.
    assert!(found(&plan(there(), "transformers-vllm"), "MCC-IMG-047").is_none());
}

#[test]
fn cuda_and_engine_of_an_image_are_those_that_it_says() {
    let unknown = plan(there(), "transformers-vllm");
    let finding = found(&unknown, "MCC-IMG-003").expect("nothing is known of it");
    assert!(finding.message.contains("CUDA") && finding.message.contains("release"), "{finding:?}");
    let engine = Some(("vllm".to_owned(), "0.19.1".to_owned()));
    let told = Inspected { cuda: Some("12.9".to_owned()), engine, ..there() };
    let known = plan(told, "transformers-vllm");
    assert!(found(&known, "MCC-IMG-003").is_none(), "{:#?}", known.findings);
    // A host image is chosen for the CUDA that the image says, and none for one that nobody knows.
    let host = |plan: &Plan| plan.decisions.as_ref().and_then(|made| made.host_image.clone());
    assert!(host(&known).is_some() && host(&unknown).is_none(), "{:?}", host(&known));
    // What it has of Triton's backends is not said, and nothing is refused for it.
    let triton = Inspected { triton: Some("25.09".to_owned()), ..there() };
    assert!(found(&plan(triton, "triton-python"), "MCC-IMG-005").is_none());
    // Another engine than the project starts.
    let other = Inspected { engine: Some(("sglang".to_owned(), "0.5.10".to_owned())), ..there() };
    assert!(found(&plan(other, "transformers-vllm"), "MCC-IMG-006").is_some());
}
