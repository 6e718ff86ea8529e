//! What a model is for: one answer for payloads, limits, configs and words, from its class, its name and what is asked of
//! the engine.

use mcc_catalogs::{Catalogs, Task};
use serde::{Deserialize, Serialize};

/// What is known of a model that its task follows from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Described<'a> {
    /// Class name of its architecture, or of its pipeline.
    pub class: Option<&'a str>,
    /// Its id, or the place of its files.
    pub name: &'a str,
    /// Classes that it tells apart, if its configuration says how many.
    pub labels: Option<u64>,
    /// Task on the hub, which publishers choose.
    pub hub: Option<&'a str>,
}

/// How the task of a model is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskBasis {
    /// The user asks the engine for it.
    Asked,
    /// The class, which an engine or the catalog knows.
    Class,
    /// Words in the name, or the end of the name of a class that nobody knows: a reason to warn, none to refuse.
    Guess,
}

/// The task of a model, and how it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purpose {
    /// The task.
    pub task: Task,
    /// How it is known.
    pub basis: TaskBasis,
}

/// Task on the hub of models that make vectors.
const VECTORS: &str = "feature-extraction";

/// The task of a model; none if nothing tells it.
pub fn purpose(catalogs: &Catalogs, model: &Described<'_>) -> Option<Purpose> {
    let tasks = catalogs.tasks();
    let Some(own) = model.class.and_then(|class| by_class(catalogs, class)) else {
        let task = tasks.of_name(model.name, None)?;
        return Some(Purpose { task, basis: TaskBasis::Guess });
    };
    let named = tasks.of_name(model.name, Some(own.task));
    Some(match (own.task, named, model.labels) {
        // One score is a score of the pair of texts that was given.
        (Task::Classify, _, Some(1)) => Purpose { task: Task::Rerank, ..own },
        (Task::Classify, Some(task), None) => Purpose { task, ..own },
        // The class writes text; that this one is trained for vectors is known of models whose publisher says so.
        (Task::Generate, Some(task), _) => {
            let said = task == Task::Embed && model.hub == Some(VECTORS);
            Purpose { task, basis: if said { own.basis } else { TaskBasis::Guess } }
        }
        _ => own,
    })
}

/// The task of a class alone.
pub fn by_class(catalogs: &Catalogs, class: &str) -> Option<Purpose> {
    let (tasks, engines) = (catalogs.tasks(), catalogs.engines());
    if let Some(task) = tasks.of_class(class) {
        return Some(Purpose { task, basis: TaskBasis::Class });
    }
    let rows = || engines.iter().filter_map(|engine| engines.architecture(&engine.engine, class));
    let group = || rows().find_map(|row| tasks.of_category(row.category.as_deref()?));
    // Engines take a bare model for one of vectors, unless they know it better.
    let bare = || class.ends_with("Model").then_some(Task::Embed);
    let task = tasks.of_suffix(class).or_else(group).or_else(bare)?;
    // Text is what models generate unless something says otherwise.
    let known = task == Task::Generate || rows().next().is_some();
    let basis = if known { TaskBasis::Class } else { TaskBasis::Guess };
    Some(Purpose { task, basis })
}
