//! What to do with a project once it is there.

use crate::project::Project;
use crate::spec::{RunsAs, Spec};

/// Steps of which a person does some alone and some with a script.
#[derive(Debug, Clone, Default)]
pub(crate) struct Next {
    /// What only the user can do, before anything else.
    pub(crate) first: Vec<String>,
    /// The scripts to run after each other, of those that the project has. Cleaning up is none of them: it is said
    /// apart.
    pub(crate) scripts: Vec<String>,
}

/// What to do with `project`.
pub(crate) fn steps(project: &Project, spec: &Spec) -> Next {
    let mut steps = vec!["do/validate"];
    // Without its accelerators a model for them does not serve here.
    let here = spec.instance.accelerator_kind == "cpu" && project.get("do/run").is_some();
    if here || !spec.project.codebuild {
        steps.push("do/build");
    }
    if here {
        steps.extend(["do/run --detach", "do/test local", "do/run --stop"]);
    }
    steps.push(if spec.project.codebuild { "do/submit" } else { "do/push" });
    steps.extend(["do/deploy", "do/test", "do/status"]);
    let there =
        |step: &&str| step.split(' ').next().is_some_and(|script| project.get(script).is_some());
    let scripts = steps.into_iter().filter(there).map(str::to_owned).collect();
    Next { first: first(spec), scripts }
}

fn first(spec: &Spec) -> Vec<String> {
    let mut first = Vec::new();
    let input = |key: &str| spec.inputs.get(key).is_some_and(|value| !value.is_null());
    let region = &spec.aws.region;
    if let Some(place) = spec.model_place()
        && !input("modelPath")
        && spec.inputs.get("includeSample") != Some(&true.into())
    {
        first.push(format!("put your model at {place}"));
    }
    let secret = input("hfTokenArn").then_some("in the secret of hfTokenArn");
    if spec.model.source == "hub" {
        let gated = spec.basis.gated == Some(true);
        let name = crate::finding::shorten(&spec.model.name);
        // Of a publisher who is known to gate the family; whether this model is gated was not read.
        let place = if spec.basis.gated_inferred { "the hub if asked" } else { "huggingface.co" };
        first.extend(match (gated, secret) {
            (true, Some(secret)) if spec.basis.private => {
                Some(format!("put a token of an account that may read {name} {secret}"))
            }
            (true, None) if spec.basis.private => Some(format!(
                "keep a token of an account that may read {name} in a Secrets Manager secret, and generate again with hfTokenArn"
            )),
            (true, Some(secret)) => Some(format!(
                "accept the licence of {name} on {place}, and put that account's token {secret}"
            )),
            (true, None) => Some(format!(
                "accept the licence of {name} on {place}, keep that account's token in a Secrets Manager secret, and generate again with hfTokenArn"
            )),
            (false, Some(secret)) => Some(format!("put a Hugging Face token {secret}")),
            (false, None) => None,
        });
    }
    let quota = match spec.basis.runs_as {
        RunsAs::Endpoint => Some("endpoint usage"),
        RunsAs::Job => Some("transform job usage"),
        RunsAs::Pods => None,
    };
    if let (Some(usage), Some(kind), true) =
        (quota, &spec.instance.kind, spec.instance.accelerators > 0)
    {
        let count = spec.instance.count;
        let request = format!("request the quota \"{kind} for {usage}\" in {region}");
        first.extend(match spec.basis.quota {
            None => Some(format!("{request} if it is below {count}")),
            Some(limit) if limit < count => {
                Some(format!("{request}: it is {limit}, below {count}"))
            }
            Some(_) => None,
        });
    }
    first
}
