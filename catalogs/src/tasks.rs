//! What models are for: the task of a model class, and the words in names that tell it where the class does not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::file::catalog_file;
use crate::rows::Table;

/// What a model is asked for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Text, from text or from text with images and sounds.
    Generate,
    /// Vectors of texts.
    Embed,
    /// A score of each document for a query.
    Rerank,
    /// The class of a text, or a score for it.
    Classify,
    /// The words of a recording.
    Transcribe,
    /// Images.
    Image,
    /// Videos.
    Video,
}

impl Task {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Generate,
        Self::Embed,
        Self::Rerank,
        Self::Classify,
        Self::Transcribe,
        Self::Image,
        Self::Video,
    ];

    /// Whether a text is read once, in one pass, and nothing is generated from it token by token.
    pub fn pools(self) -> bool {
        matches!(self, Self::Embed | Self::Rerank | Self::Classify)
    }
}

/// The task of one class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassTask {
    /// Class name, as in a model's `architectures`, or of a pipeline.
    pub class: String,
    /// What its models are for.
    pub task: Task,
}

/// The task of the classes whose names end alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuffixTask {
    /// End of the name.
    pub suffix: String,
    /// What models of such a class are for, unless something else says otherwise.
    pub task: Task,
}

/// The task of the classes that an engine's registry has in one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CategoryTask {
    /// The group, as in `category` of `engines.json`.
    pub category: String,
    /// What models of its classes are for.
    pub task: Task,
}

/// A word in names of models that tells their task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NameTask {
    /// The word, in lower case, between the signs of the name.
    pub word: String,
    /// The task by class that it corrects; where there is none, it tells the task of a model whose class is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<Task>,
    /// What such models are for.
    pub task: Task,
}

/// `tasks.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TasksFile {
    /// Date of the facts.
    pub as_of: String,
    /// Where they come from.
    pub source: String,
    /// Classes whose name does not tell.
    #[serde(default)]
    pub classes: Table<ClassTask>,
    /// Ends of names; the first that fits decides.
    #[serde(default)]
    pub suffixes: Table<SuffixTask>,
    /// Groups of the engines' registries, for classes whose names have none of those ends.
    #[serde(default)]
    pub categories: Table<CategoryTask>,
    /// Words in names.
    #[serde(default)]
    pub names: Table<NameTask>,
}

catalog_file!(
    TasksFile, "tasks.json",
    rows {
        classes by |row| row.class.clone(),
        suffixes by |row| row.suffix.clone(),
        categories by |row| row.category.clone(),
        names by |row| (row.word.clone(), row.instead_of),
    }
);

/// The tasks of models.
#[derive(Debug, Clone)]
pub struct Tasks {
    file: TasksFile,
}

impl Tasks {
    pub(crate) fn new(file: TasksFile) -> Self {
        Self { file }
    }

    /// The task of a class that is listed by its whole name.
    pub fn of_class(&self, class: &str) -> Option<Task> {
        self.file.classes.iter().find(|row| row.class == class).map(|row| row.task)
    }

    /// The task that the end of a class's name tells.
    pub fn of_suffix(&self, class: &str) -> Option<Task> {
        let row = self.file.suffixes.iter().find(|row| class.ends_with(row.suffix.as_str()));
        row.map(|row| row.task)
    }

    /// The task of the classes in a group of an engine's registry.
    pub fn of_category(&self, category: &str) -> Option<Task> {
        self.file.categories.iter().find(|row| row.category == category).map(|row| row.task)
    }

    /// The task that the name of a model tells in place of `by_class`; for a class that is not known that is `None`.
    pub fn of_name(&self, name: &str, by_class: Option<Task>) -> Option<Task> {
        let name = name.to_lowercase();
        let words = || name.split(|c: char| !c.is_ascii_alphanumeric());
        let rows = self.file.names.iter().filter(|row| row.instead_of == by_class);
        let mut found = rows.filter(|row| words().any(|word| word == row.word));
        found.next().map(|row| row.task)
    }
}
