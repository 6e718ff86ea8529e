//! From merged inputs to a plan, and from a plan to a project.

use mcc_catalogs::{AcceleratorKind, Catalogs, Instance};
use schemars::JsonSchema;
use serde::Serialize;

use crate::deployment::deployment;
use crate::finding::Finding;
use crate::inputs;
use crate::merge::{Merged, ResolvedInput};
use crate::project::{File, PlannedFile, Project};
use crate::registry::{Config, Layer, registry};
use crate::resolve::{Context, ModelFacts};
use crate::spec::Spec;
use crate::{known, render, rules, saved};

/// A missing input, asked of the user.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Question {
    /// The input's configuration key.
    pub key: String,
    /// What to ask.
    pub question: String,
    /// Answers to choose from; empty where any answer of the right form will do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// What a right answer looks like.
    pub expected: String,
}

/// What running it costs.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Cost {
    /// US dollars per hour for all instances.
    pub usd_per_hour: f64,
    /// Instances.
    pub instances: u32,
    /// `published` for AWS's own figure, `estimate` for one that is calculated from EC2's.
    pub basis: String,
    /// Date of the figure.
    pub as_of: String,
    /// Region that the figure is for; prices elsewhere differ.
    pub region: String,
}

/// What would be generated, and what stands in the way.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Plan {
    /// Name of the project.
    pub project_name: String,
    /// Deployment config.
    pub deployment_config: String,
    /// Deployment target.
    pub deployment_target: String,
    /// Every input with its source.
    pub inputs: Vec<ResolvedInput>,
    /// What is missing.
    pub questions: Vec<Question>,
    /// What is wrong, risky or worth knowing, errors first.
    pub findings: Vec<Finding>,
    /// The files; empty while something stands in the way.
    pub files: Vec<PlannedFile>,
    /// What running it costs, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// How the model fits, in words; empty for packed models.
    pub fit: Vec<String>,
    /// What to do next.
    pub next_steps: Vec<String>,
}

impl Plan {
    /// Whether a project can be generated.
    pub fn is_ready(&self) -> bool {
        self.questions.is_empty() && !self.findings.iter().any(Finding::is_error)
    }
}

/// Plans a project; nothing is written.
pub fn plan(catalogs: &Catalogs, merged: &Merged) -> Plan {
    make(catalogs, merged).0
}

/// Plans and renders a project in memory.
///
/// # Errors
/// The plan itself, when questions or errors stand in the way.
pub fn generate(catalogs: &Catalogs, merged: &Merged) -> Result<(Plan, Project), Box<Plan>> {
    match make(catalogs, merged) {
        (plan, Some(project)) => Ok((plan, project)),
        (plan, None) => Err(Box::new(plan)),
    }
}

/// The description that templates and rules see; `None` while something is missing.
pub fn spec(catalogs: &Catalogs, merged: &Merged) -> Option<Spec> {
    let mut merged = merged.clone();
    let (config, target) = choose(&mut merged)?;
    let framework = merged.text("framework").map(str::to_owned);
    let on = accelerator(catalogs, &merged).map_or("", AcceleratorKind::as_str);
    let layers = registry().overlay_on(config, framework.as_deref(), &target, on);
    apply_defaults(&mut merged, &layers);
    recommend(catalogs, &mut merged, config, &target, &layers);
    Some(context(catalogs, &merged, config, &target, layers).spec())
}

fn context<'a>(
    catalogs: &'a Catalogs,
    merged: &'a Merged,
    config: &'a Config,
    target: &'a str,
    layers: Vec<&'a Layer>,
) -> Context<'a> {
    let inputs = merged.inputs();
    let deployment = deployment(config, target, accelerator(catalogs, merged)).unwrap_or_default();
    Context {
        catalogs,
        merged,
        inputs,
        config,
        target,
        layers,
        deployment,
        findings: Vec::new(),
        facts: ModelFacts::default(),
    }
}

fn make(catalogs: &Catalogs, merged: &Merged) -> (Plan, Option<Project>) {
    let mut merged = merged.clone();
    known::check(catalogs, &mut merged);
    let Some((config, target)) = choose(&mut merged) else {
        let needed = ["projectName", "deploymentConfig", "deploymentTarget"];
        let missing = needed.iter().filter(|k| merged.get(k).is_none() && !refused(&merged, k));
        let questions = missing.map(|k| question(k, None)).collect();
        return (bare(&merged, questions), None);
    };
    let framework = merged.text("framework").map(str::to_owned);
    let on = accelerator(catalogs, &merged).map_or("", AcceleratorKind::as_str);
    let layers = registry().overlay_on(config, framework.as_deref(), &target, on);
    not_applicable(&mut merged, config, &target, &layers);
    apply_defaults(&mut merged, &layers);
    recommend(catalogs, &mut merged, config, &target, &layers);
    let questions = missing(&merged, config, &layers);
    let mut plan = bare(&merged, questions);
    if !plan.is_ready() {
        return (plan, None);
    }
    let mut context = context(catalogs, &merged, config, &target, layers);
    let spec = context.spec();
    let mut findings = std::mem::take(&mut context.findings);
    rules::check(&context, &spec, &mut findings);
    plan.findings.extend(findings);
    plan.findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    plan.cost = cost(catalogs, &spec);
    plan.fit = spec.model.fit.as_ref().map(|s| s.notes.clone()).unwrap_or_default();
    if !plan.is_ready() {
        return (plan, None);
    }
    match build(&context, &spec, &merged) {
        Ok(project) => {
            plan.files = project.listing();
            plan.next_steps = next_steps(&project, &spec);
            (plan, Some(project))
        }
        Err(finding) => {
            plan.findings.insert(0, *finding);
            (plan, None)
        }
    }
}

fn build(context: &Context<'_>, spec: &Spec, merged: &Merged) -> Result<Project, Box<Finding>> {
    let internal = |e: String| {
        Box::new(Finding::error("MCC-GEN-001", e, "choose another value; nothing was written"))
    };
    let view = serde_json::to_value(spec).map_err(|e| internal(e.to_string()))?;
    let mut project =
        render::render(&context.layers, &view).map_err(|e| internal(e.to_string()))?;
    if let (Some(path), Some(file)) = (&context.inputs.model_path, &spec.model.file) {
        context.copy_model(path, file, &mut project)?;
    }
    saved::inputs(&mut project, merged);
    saved::record(&mut project);
    Ok(project)
}

impl Context<'_> {
    /// Copies the user's model, a file or a folder, to where the image takes it from.
    fn copy_model(
        &self,
        path: &str,
        file: &str,
        project: &mut Project,
    ) -> Result<(), Box<Finding>> {
        let wrong = |reason: String| {
            let finding = Finding::error("MCC-INP-004", reason, "name a model that can be read");
            Box::new(self.merged.about("modelPath", finding))
        };
        let place = self
            .manifest(|m| m.model_dir.clone())
            .unwrap_or_else(|| crate::written::MODEL.to_owned());
        for (inside, bytes) in self.read_all(path, crate::resolve::MAX_MODEL).map_err(wrong)? {
            let to = if inside.is_empty() {
                format!("{place}/{file}")
            } else {
                format!("{place}/{file}/{inside}")
            };
            let mut copied = File::new(bytes, "modelPath");
            copied.executable = false;
            project.insert(&to, copied);
        }
        Ok(())
    }
}

/// The deployment config and target; `None` when the config is not given.
fn choose(merged: &mut Merged) -> Option<(&'static Config, String)> {
    let registry = registry();
    if let Some(base) = registry.layer("layers/base") {
        for (key, value) in &base.manifest.defaults {
            merged.default(key, value, &base.path);
        }
    }
    let config = registry.config(merged.text("deploymentConfig")?)?;
    let target = merged.text("deploymentTarget")?.to_owned();
    Some((config, target))
}

/// Kind of accelerator of the instance type, if one is named and known.
fn accelerator(catalogs: &Catalogs, merged: &Merged) -> Option<AcceleratorKind> {
    let row = merged.text("instanceType").and_then(|name| catalogs.instances().get(name));
    row.map(Instance::accelerator_kind)
}

fn apply_defaults(merged: &mut Merged, layers: &[&Layer]) {
    // A model of one's own takes the place of the sample, unless both are asked for: that is refused.
    if merged.is_given("modelPath") {
        merged.default("includeSample", &false.into(), "modelPath");
    }
    for layer in layers.iter().rev() {
        for (key, value) in &layer.manifest.defaults {
            merged.default(key, value, &layer.path);
        }
    }
}

/// An instance type for who names none: the cheapest that holds the model.
fn recommend(
    catalogs: &Catalogs,
    merged: &mut Merged,
    config: &Config,
    target: &str,
    layers: &[&Layer],
) {
    if merged.get("instanceType").is_some() || refused(merged, "instanceType") {
        if merged.values.get("instanceType").is_some_and(|own| !own.source.is_somebody()) {
            let context = context(catalogs, merged, config, target, layers.to_vec());
            if let Some(name) = context.instead_of_the_default() {
                merged.values.remove("instanceType");
                merged.recommend("instanceType", &name.into());
            }
        }
        return;
    }
    match context(catalogs, merged, config, target, layers.to_vec()).recommend_instance() {
        Some(Ok(name)) => merged.recommend("instanceType", &name.into()),
        Some(Err(finding)) => merged.findings.push(finding),
        None => {}
    }
}

/// Refuses every given input that no layer takes: an input that changes nothing would be a lie.
fn not_applicable(merged: &mut Merged, config: &Config, target: &str, layers: &[&Layer]) {
    let mut refused = Vec::new();
    for field in inputs::fields().iter().filter(|f| merged.is_given(&f.key)) {
        let taken = layers.iter().any(|l| l.manifest.groups.iter().any(|g| g == field.group));
        let reason = layers.iter().find_map(|l| l.manifest.refuses.get(&field.key));
        if taken && reason.is_none() {
            continue;
        }
        let why = reason
            .map_or_else(|| format!("{} on {target} does not take it", config.name), Clone::clone);
        refused.push(merged.about(
            &field.key,
            Finding::error(
                "MCC-INP-005",
                format!("{} would change nothing: {why}", field.key),
                format!("leave {} out", field.key),
            ),
        ));
    }
    for finding in refused {
        if let Some(key) = finding.field.clone() {
            merged.values.remove(&key);
        }
        merged.findings.push(finding);
    }
}

fn missing(merged: &Merged, config: &Config, layers: &[&Layer]) -> Vec<Question> {
    let mut keys: Vec<&str> = vec!["projectName"];
    keys.extend(layers.iter().flat_map(|l| &l.manifest.needs).map(String::as_str));
    keys.dedup();
    keys.retain(|k| merged.get(k).is_none() && !refused(merged, k));
    if refused(merged, "modelName") {
        // Once the model is right, one is recommended for it.
        keys.retain(|k| *k != "instanceType");
    }
    keys.into_iter().map(|k| question(k, Some(config))).collect()
}

/// Whether a value was given but refused: then the refusal is the message, not a question.
fn refused(merged: &Merged, key: &str) -> bool {
    merged.findings.iter().any(|f| f.is_error() && f.field.as_deref() == Some(key))
}

fn question(key: &str, config: Option<&Config>) -> Question {
    let field = inputs::find(key);
    let mut choices = field.map(|f| f.kind.choices()).unwrap_or_default();
    if let (Some(config), Some(inputs::Kind::Named(inputs::Registered::Framework))) =
        (config, field.map(|f| f.kind))
    {
        choices.clone_from(&config.frameworks);
    }
    let expected = match field.map(|f| f.kind) {
        Some(inputs::Kind::Text(format)) => format.expected().to_owned(),
        _ if choices.is_empty() => "a value".to_owned(),
        _ => format!("one of {}", choices.join(", ")),
    };
    let question = field.map(|f| f.help.to_owned()).unwrap_or_default();
    Question { key: key.to_owned(), question, choices, expected }
}

fn bare(merged: &Merged, questions: Vec<Question>) -> Plan {
    let text = |key: &str| merged.text(key).unwrap_or_default().to_owned();
    let mut findings = merged.findings.clone();
    findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    Plan {
        project_name: text("projectName"),
        deployment_config: text("deploymentConfig"),
        deployment_target: text("deploymentTarget"),
        inputs: merged.resolved(),
        questions,
        findings,
        files: Vec::new(),
        cost: None,
        fit: Vec::new(),
        next_steps: Vec::new(),
    }
}

fn cost(catalogs: &Catalogs, spec: &Spec) -> Option<Cost> {
    let price = catalogs.prices().usd_per_hour(spec.instance.kind.as_deref()?)?;
    let count = |key: &str| {
        spec.inputs.get(key).and_then(serde_json::Value::as_u64).and_then(|n| u32::try_from(n).ok())
    };
    let instances = count("endpointInitialInstanceCount")
        .or_else(|| count("batchInstanceCount"))
        .or_else(|| count("hyperpodReplicas"))
        .unwrap_or(1);
    Some(Cost {
        usd_per_hour: (price.usd * f64::from(instances) * 10_000.0).round() / 10_000.0,
        instances,
        basis: if price.basis == mcc_catalogs::PriceBasis::Published {
            "published"
        } else {
            "estimate"
        }
        .to_owned(),
        as_of: price.as_of,
        region: price.region.map(|r| r.to_string()).unwrap_or_default(),
    })
}

/// The scripts to run after each other, of those that `project` has. Cleaning up is none of them: it is said apart.
fn next_steps(project: &Project, spec: &Spec) -> Vec<String> {
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
    steps.into_iter().filter(there).map(str::to_owned).collect()
}
