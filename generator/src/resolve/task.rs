//! What the model is for, and what a request of that kind is on this config.

use mcc_catalogs::Task;
use mcc_fit::sizing;
use mcc_fit::{Described, Purpose, TaskBasis, by_class, purpose};
use serde_json::Value;

use super::Context;
use crate::manifest::{Form, TaskRole};
use crate::render::{self, plain};
use crate::spec::{Model, Server, Spec};

/// Tasks on the hub of models that read images beside text.
const READ_IMAGES: [&str; 2] = ["image-text-to-text", "any-to-any"];
/// Words at the end of the names of models that were not taught to chat.
const NOT_TAUGHT: [&str; 3] = ["-pt", "-base", "-Base"];
/// What an engine takes to read texts in one pass.
const POOLING: &str = "pooling";

impl Context<'_> {
    /// What the model is for, by what is asked of the engine, its class and its name.
    pub(super) fn purpose(&self) -> Option<Purpose> {
        let (own, labels) = match self.config_text() {
            Some(Ok(text)) => sizing::parse_class(text),
            _ => (None, None),
        };
        let asked = self.asked_class();
        let class = asked.as_deref().or(self.facts.class.as_deref()).or(own.as_deref());
        let row = self.row();
        // A copy has the name that its owner gave it, and the words of the original's.
        let copied = self.inputs.model_config.as_deref().filter(|_| row.is_none());
        let original = copied.and_then(|id| self.catalogs.models().get(id));
        let row = row.or(original);
        let given = self.inputs.model_name.as_deref().unwrap_or_default();
        let model = Described {
            class,
            name: original.map_or(given, |row| row.id.as_str()),
            labels,
            hub: row.and_then(|row| row.task.as_deref()),
        };
        let found = purpose(self.catalogs, &model);
        let asked_task = self.asked_task(found.map(|found| found.task));
        let basis = if asked.is_some() { Some(TaskBasis::Asked) } else { None };
        match (asked_task, found) {
            (Some(task), _) => Some(Purpose { task, basis: TaskBasis::Asked }),
            (None, Some(found)) => Some(Purpose { basis: basis.unwrap_or(found.basis), ..found }),
            (None, None) => None,
        }
    }

    fn task_options(&self) -> impl Iterator<Item = (TaskRole, &Value)> {
        let roles = self.option_roles().task;
        let given = self.inputs.engine_args.iter().flatten();
        given.filter_map(move |(name, value)| {
            Some((*roles.get(&name.trim_start_matches('-').replace('_', "-"))?, value))
        })
    }

    /// The class that the user has the engine take the model for.
    fn asked_class(&self) -> Option<String> {
        let (_, value) = self.task_options().find(|(role, _)| *role == TaskRole::Overrides)?;
        let document = match value {
            Value::String(text) => serde_json::from_str(text).ok()?,
            other => other.clone(),
        };
        Some(document.get("architectures")?.get(0)?.as_str()?.to_owned())
    }

    /// The task that the user's options of the engine name, for a model of which `own` is known.
    fn asked_task(&self, own: Option<Task>) -> Option<Task> {
        let vectors = || own.filter(|task| task.pools()).unwrap_or(Task::Embed);
        self.task_options().find_map(|(role, value)| {
            let word = plain(value).to_lowercase();
            match (role, word.as_str()) {
                (TaskRole::Runner, POOLING) => Some(vectors()),
                (TaskRole::Runner | TaskRole::Named, "generate" | "text-generation") => {
                    Some(Task::Generate)
                }
                (TaskRole::Embeds, "true") => Some(vectors()),
                (TaskRole::Convert, "embed")
                | (
                    TaskRole::Named,
                    "embed" | "embedding" | "text-embedding" | "feature-extraction",
                ) => Some(Task::Embed),
                (TaskRole::Convert, "classify") | (TaskRole::Named, "classify" | "reward") => {
                    Some(own.filter(|task| *task == Task::Rerank).unwrap_or(Task::Classify))
                }
                (TaskRole::Named, "score") => Some(Task::Rerank),
                (TaskRole::Named, "transcription") => Some(Task::Transcribe),
                _ => None,
            }
        })
    }

    /// Decides what requests ask the model for, and what the engine has to be told for that.
    pub(super) fn decide_task(&self, model: &mut Model) {
        let of = &self.deployment.tasks;
        let Some(usual) = of.first() else { return };
        let known = self.facts.purpose.filter(|purpose| of.contains(&purpose.task));
        let task = known.map_or(*usual, |purpose| purpose.task);
        model.task = Some(task);
        model.asked_for = Task::ALL.into_iter().map(|each| (each, each == task)).collect();
        let taught = !NOT_TAUGHT.iter().any(|end| model.name.ends_with(end));
        let tag = self.row().and_then(|row| row.task.as_deref());
        let eyes = self.facts.shape.as_ref().is_some_and(|shape| shape.reads_images)
            || tag.is_some_and(|tag| READ_IMAGES.contains(&tag));
        model.reads_images = task == Task::Generate && eyes && taught;
        if !task.pools() {
            return;
        }
        model.pools = Some(true);
        model.encodes = self
            .facts
            .shape
            .as_ref()
            .is_some_and(sizing::ModelShape::keeps_nothing)
            .then_some(true);
        let writes = self
            .facts
            .class
            .as_deref()
            .and_then(|class| by_class(self.catalogs, class))
            .is_some_and(|own| own.task == Task::Generate);
        let asked = known.is_some_and(|purpose| purpose.basis == TaskBasis::Asked);
        model.runner = (writes && !asked).then(|| POOLING.to_owned());
    }

    /// What a form of the task says, by the last layer that says it.
    fn form<T>(&self, task: Task, pick: impl Fn(&Form) -> Option<T>) -> Option<T> {
        self.manifest(|manifest| manifest.forms.get(&task).and_then(&pick))
    }

    /// The request of the model's task, the type of its body, and what its answer must be.
    pub(super) fn requests(&self, spec: &Spec) -> Option<Server> {
        let task = spec.model.task?;
        let mut server = spec.server.clone();
        let eyes = spec.model.reads_images;
        let template = (eyes.then(|| self.form(task, |form| form.image_request.clone())).flatten())
            .or_else(|| self.form(task, |form| form.request.clone()));
        let view = serde_json::to_value(spec).unwrap_or_default();
        server.request = template.and_then(|template| render::fill(&template, &view));
        server.test_expect = self.form(task, |form| form.expect.clone());
        server.test_begins = self.form(task, |form| form.begins.clone());
        server.engine_task = self.form(task, |form| form.engine_task.clone());
        if let Some(file) = self.form(task, |form| form.payload.clone()) {
            server.test_payload = file;
        }
        if let Some(kind) = self.form(task, |form| form.content_type.clone()) {
            server.content_type = kind;
        }
        // As long as the platform waits: the engine's own bound is shorter.
        let waits = self.takes("async") || self.takes("batch");
        server.video_timeout_s = (task == Task::Video && waits).then_some(server.timeout_s);
        Some(server)
    }
}
