//! From merged inputs to a plan, and from a plan to a project.

use mcc_catalogs::{AcceleratorKind, Ask, Catalogs, Instance, Region};
use schemars::JsonSchema;
use serde::Serialize;

use crate::decisions::Decisions;
use crate::deployment::deployment;
use crate::finding::{Finding, Severity};
use crate::fix::{Fix, Fixes, Remedy};
use crate::inputs;
use crate::merge::{Merged, ResolvedInput};
use crate::project::{File, PlannedFile, Project};
use crate::questions::{self, Question};
use crate::registry::{Config, Layer, registry};
use crate::resolve::{Context, ModelFacts};
use crate::spec::{LiveValue, Origins, RunsAs, Spec};
use crate::{derive, facts, kept, known, next, package, prove, render, rules, saved};

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
    /// Who said it and how long ago, where it was looked up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<String>,
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
    /// What was decided; absent while too little is known to decide anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decisions: Option<Decisions>,
    /// What is missing.
    pub questions: Vec<Question>,
    /// What is wrong, risky or worth knowing, errors first.
    pub findings: Vec<Finding>,
    /// The files; empty while something stands in the way.
    pub files: Vec<PlannedFile>,
    /// What running it costs, where known; nothing for pods, whose nodes are there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// How the model fits, in words; empty for packed models.
    pub fit: Vec<String>,
    /// What only the user can do before the next steps, in words.
    pub first_steps: Vec<String>,
    /// What to do next: commands, of which the first goes into the project's folder.
    pub next_steps: Vec<String>,
}

impl Plan {
    /// Whether a project can be generated.
    pub fn is_ready(&self) -> bool {
        self.questions.is_empty() && !self.findings.iter().any(Finding::is_error)
    }

    /// Says what was decided.
    pub(crate) fn tell(&mut self, spec: &Spec) {
        self.cost = cost(spec);
        self.fit = spec.model.fit.as_ref().map(|fit| fit.notes.clone()).unwrap_or_default();
        self.decisions = Some(Decisions::of(spec));
    }

    /// Says what to do with `project`.
    pub(crate) fn guide(&mut self, spec: &Spec, project: &Project) {
        let next = next::steps(project, spec);
        self.first_steps = next.first;
        self.next_steps = vec![format!("cd {}", spec.project.name)];
        self.next_steps.extend(next.scripts);
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
        (plan, Some(mut project)) => {
            saved::record(&mut project);
            Ok((plan, project))
        }
        (plan, None) => Err(Box::new(plan)),
    }
}

/// The description that templates and rules see; `None` while something is missing.
pub fn spec(catalogs: &Catalogs, merged: &Merged) -> Option<Spec> {
    described(catalogs, merged).map(|(spec, _)| spec)
}

/// That description, with the layers that are rendered with it.
pub(crate) fn described(
    catalogs: &Catalogs,
    merged: &Merged,
) -> Option<(Spec, Vec<&'static Layer>)> {
    in_context(catalogs, merged, |_, spec, layers| (spec, layers))
}

/// What `then` makes of that description and of what it was made from; `None` while something is missing.
pub(crate) fn in_context<T>(
    catalogs: &Catalogs,
    merged: &Merged,
    then: impl FnOnce(&Context<'_>, Spec, Vec<&'static Layer>) -> T,
) -> Option<T> {
    let mut merged = merged.clone();
    kept::read(catalogs, &mut merged);
    derive::complete(catalogs, &mut merged);
    let (config, target) = choose(&mut merged)?;
    let layers = layers(catalogs, &merged, config, &target);
    pin_revision(catalogs, &mut merged, &layers);
    package::take_image(catalogs, &mut merged, config, &target);
    apply_defaults(&mut merged, &layers);
    recommend(catalogs, &mut merged, config, &target, &layers);
    let mut context = context(catalogs, &merged, config, &target, layers.clone());
    let spec = context.spec();
    Some(then(&context, spec, layers))
}

/// The layers of a project on its instance type.
fn layers(
    catalogs: &Catalogs,
    merged: &Merged,
    config: &Config,
    target: &str,
) -> Vec<&'static Layer> {
    let on = accelerator(catalogs, merged).map_or("", AcceleratorKind::as_str);
    registry().overlay_on(config, merged.text("framework"), target, on)
}

fn context<'a>(
    catalogs: &'a Catalogs,
    merged: &'a Merged,
    config: &'a Config,
    target: &'a str,
    layers: Vec<&'a Layer>,
) -> Context<'a> {
    let mut inputs = merged.inputs();
    // What is served of a package is the model that it names.
    let place =
        inputs.model_name.as_deref().map(|name| catalogs.resources().place_of(name).to_owned());
    inputs.model_name = place;
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
        origins: Origins::default(),
        advises: true,
    }
}

fn make(catalogs: &Catalogs, merged: &Merged) -> (Plan, Option<Project>) {
    let mut given = merged.clone();
    kept::read(catalogs, &mut given);
    let (mut plan, project) = settle(catalogs, given.clone(), true);
    if project.is_none() {
        prove::prove(&given, &mut plan, |other| settle(catalogs, other, false).0);
    }
    (plan, project)
}

/// Plans what was given; makes a project of it where nothing stands in the way, unless it is only judged.
fn settle(catalogs: &Catalogs, mut merged: Merged, made: bool) -> (Plan, Option<Project>) {
    derive::complete(catalogs, &mut merged);
    known::check(catalogs, &mut merged);
    let Some((config, target)) = choose(&mut merged) else {
        let questions = questions::first(&merged);
        return (bare(&merged, questions), None);
    };
    let layers = layers(catalogs, &merged, config, &target);
    not_applicable(&mut merged, config, &target, &layers);
    pin_revision(catalogs, &mut merged, &layers);
    package::take_image(catalogs, &mut merged, config, &target);
    apply_defaults(&mut merged, &layers);
    recommend(catalogs, &mut merged, config, &target, &layers);
    let questions = questions::missing(&merged, config, &layers);
    // What is asked for though there is a value to work with does not stand in the way of a first answer.
    let nothing = |key: &&str| merged.get(key).is_none();
    let open = questions.iter().map(|question| question.key.as_str()).filter(nothing);
    let settled = !open.into_iter().any(|key| DECIDES.contains(&key));
    if !settled || DECIDES.iter().any(|key| merged.is_refused(key)) {
        return (bare(&merged, questions), None);
    }
    if rules::has_conditional(&merged) {
        let notes = {
            let mut context = context(catalogs, &merged, config, &target, layers.clone());
            let spec = context.spec();
            rules::without_effect(&context, &spec)
        };
        leave_out(&mut merged, notes);
    }
    let mut context = context(catalogs, &merged, config, &target, layers);
    context.advises = made;
    let spec = context.spec();
    let mut plan = bare(&merged, questions);
    let mut findings = std::mem::take(&mut context.findings);
    rules::check(&context, &spec, &mut findings);
    for finding in findings {
        if !plan.findings.contains(&finding) {
            plan.findings.push(finding);
        }
    }
    plan.findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    if !made {
        return (plan, None);
    }
    plan.tell(&spec);
    if !plan.is_ready() {
        return (plan, None);
    }
    match build(&context, &spec, &merged) {
        Ok(project) => {
            plan.files = project.listing();
            plan.guide(&spec, &project);
            (plan, Some(project))
        }
        Err(finding) => {
            plan.findings.insert(0, *finding);
            (plan, None)
        }
    }
}

/// Inputs without which nothing can be worked out.
const DECIDES: [&str; 7] = [
    "deploymentConfig",
    "deploymentTarget",
    "region",
    "instanceType",
    "modelName",
    "framework",
    "modelConfig",
];

/// Leaves out inputs that have no effect, and tells of it.
fn leave_out(merged: &mut Merged, findings: Vec<Finding>) {
    for finding in findings {
        if let Some(key) = &finding.field {
            merged.values.remove(key);
        }
        merged.findings.push(finding);
    }
}

fn build(context: &Context<'_>, spec: &Spec, merged: &Merged) -> Result<Project, Box<Finding>> {
    let internal = |e: String| {
        Box::new(Finding::error("MCC-GEN-001", e, "choose another value; nothing was written"))
    };
    let view = serde_json::to_value(spec).map_err(|e| internal(e.to_string()))?;
    let mut project = render::render(&context.layers, view).map_err(|e| internal(e.to_string()))?;
    if let (Some(path), Some(file)) = (&context.inputs.model_path, &spec.model.file) {
        context.copy_model(path, file, &mut project)?;
    }
    let place = spec.model_place().filter(|_| merged.get("modelPath").is_some());
    saved::inputs(&mut project, merged, place.as_deref());
    facts::keep(&mut project, context, spec);
    saved::keep_place(&mut project);
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
            let fix = crate::named::fix(path, &reason);
            let finding = Finding::error("MCC-INP-004", reason, fix);
            Box::new(self.merged.about("modelPath", finding))
        };
        let place = self.model_place(file);
        let read = crate::named::read_all(&self.merged.files, path, crate::named::MAX_MODEL);
        for (inside, bytes) in read.map_err(wrong)? {
            let to = if inside.is_empty() { place.clone() } else { format!("{place}/{inside}") };
            let mut copied = File::new(bytes, "modelPath");
            copied.executable = false;
            project.insert(&to, copied);
        }
        Ok(())
    }
}

/// The deployment config and target; `None` when the config is not given.
pub(crate) fn choose(merged: &mut Merged) -> Option<(&'static Config, String)> {
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

/// Fixes the commit of a model that was looked up: what was read of it is what will be served.
fn pin_revision(catalogs: &Catalogs, merged: &mut Merged, layers: &[&Layer]) {
    let group = inputs::find("modelRevision").map(|field| field.group);
    let taken = layers.iter().any(|l| l.manifest.groups.iter().any(|g| Some(g.as_str()) == group))
        && layers.iter().all(|l| l.manifest.without("modelRevision").is_none());
    let Some(name) = merged.text("modelName").filter(|_| taken) else { return };
    let Some(revision) = catalogs.models().get(name).and_then(|row| row.revision.clone()) else {
        return;
    };
    let looked = name.parse().ok().and_then(|id| catalogs.looked(&[Ask::Model(id)]));
    if let Some(looked) = looked {
        merged.look_up("modelRevision", &revision.into(), looked);
    }
}

/// Who was asked for what decides about instance types where a project runs, and when; none where nobody was.
fn looked_at_place(catalogs: &Catalogs, merged: &Merged) -> Option<(String, String)> {
    let region: Region = merged.text("region")?.parse().ok()?;
    let mut asks = Ask::of_place(&region).to_vec();
    asks.push(Ask::Clusters(region));
    catalogs.looked(&asks)
}

/// Sets the instance type to one that was chosen. What was looked up is other tomorrow, so that its choice is kept.
fn choose_type(catalogs: &Catalogs, merged: &mut Merged, name: String) {
    match looked_at_place(catalogs, merged) {
        Some(looked) => merged.look_up("instanceType", &name.into(), looked),
        None => merged.recommend("instanceType", &name.into()),
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
    if merged.get("instanceType").is_some() || merged.is_refused("instanceType") {
        if merged.values.get("instanceType").is_some_and(|own| own.source.is_chosen()) {
            let mut context = context(catalogs, merged, config, target, layers.to_vec());
            // A default is for models of which nothing is known.
            let holds = match context.recommend_instance() {
                Some(Ok(name)) => Some(name),
                Some(Err(why)) if context.is_pipeline() => {
                    let finding = rules::no_type(&context, why);
                    merged.values.remove("instanceType");
                    merged.findings.push(finding);
                    return;
                }
                _ => context.instead_of_the_default(),
            };
            // A default that stays by what was looked up stays for good.
            let stays = || merged.text("instanceType").map(str::to_owned);
            let looked = looked_at_place(catalogs, merged).is_some();
            if let Some(name) = holds.or_else(|| stays().filter(|_| looked)) {
                merged.values.remove("instanceType");
                choose_type(catalogs, merged, name);
            }
        }
        return;
    }
    let mut context = context(catalogs, merged, config, target, layers.to_vec());
    match context.recommend_instance() {
        Some(Ok(name)) => choose_type(catalogs, merged, name),
        Some(Err(why)) => {
            let finding = rules::no_type(&context, why);
            merged.findings.push(finding);
        }
        None => {}
    }
}

/// Inputs that name the model: one that is not taken is not an extra, but another model than the one that is served.
const MODELS: [&str; 2] = ["modelName", "modelPath"];

/// Leaves out every given input that no layer takes, and tells of it; refuses what contradicts the config or target.
fn not_applicable(merged: &mut Merged, config: &Config, target: &str, layers: &[&Layer]) {
    let mut findings = Vec::new();
    for field in inputs::fields().iter().filter(|f| merged.is_given(&f.key)) {
        let key = &field.key;
        let taken = layers.iter().any(|l| l.manifest.groups.iter().any(|g| g == field.group));
        let reason = layers.iter().find_map(|l| l.manifest.without(key));
        if taken && reason.is_none() {
            continue;
        }
        let refused = layers.iter().any(|l| l.manifest.refuses.contains_key(key));
        let asks = merged.get(key) != Some(&false.into());
        let why = reason
            .map_or_else(|| format!("{} on {target} does not take it", config.name), Clone::clone);
        let severity = if asks && (refused || MODELS.contains(&key.as_str())) {
            Severity::Error
        } else {
            Severity::Note
        };
        let fix = if MODELS.contains(&key.as_str()) {
            let decided = Fix::unset("deploymentConfig").and(Fix::say("the model decides it"));
            // What a file was trained with says nothing of a model that is fetched.
            let framework = (key == "modelName" && merged.is_given("framework"))
                .then(|| Fix::unset("framework"));
            let decided = framework.into_iter().fold(decided, Remedy::and);
            // A model of such a config is a file, wherever it is now.
            let stored = merged.text(key).filter(|name| name.starts_with("s3://"));
            let copied = stored.map(|address| {
                let say =
                    format!("{} and give the file as modelPath", crate::named::copied(address));
                Fix::unset(key.as_str()).and(Fix::say(say))
            });
            Fixes::from(copied).or(decided).or(Fix::unset(key.as_str()))
        } else {
            Fix::unset(key.as_str()).into()
        };
        let message = format!("{key} has no effect: {why}");
        findings.push(merged.about(key, Finding::new("MCC-INP-005", severity, message, fix)));
    }
    leave_out(merged, findings);
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
        decisions: None,
        questions,
        findings,
        files: Vec::new(),
        cost: None,
        fit: Vec::new(),
        first_steps: Vec::new(),
        next_steps: Vec::new(),
    }
}

fn cost(spec: &Spec) -> Option<Cost> {
    let basis = &spec.basis.cost;
    let usd = basis.usd_per_hour.filter(|_| spec.basis.runs_as != RunsAs::Pods)?;
    Some(Cost {
        usd_per_hour: (usd * f64::from(spec.instance.count) * 10_000.0).round() / 10_000.0,
        instances: spec.instance.count,
        basis: if basis.published { "published" } else { "estimate" }.to_owned(),
        as_of: basis.as_of.clone(),
        region: basis.region.clone(),
        live: spec.basis.live.iter().find(|live| live.value == "cost").map(LiveValue::told),
    })
}
