//! `generate_project`: the project, as a folder, as files or as an archive.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use mcc_files::Folder;
use mcc_generator::{Project, Updated, WriteError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::generate_project::answers::{ArchiveAnswer, ContentAnswer, GenerateAnswer, Status};
use crate::generate_project::ask;
use crate::generate_project::core::{self, Planned};
use crate::generate_project::given;
use crate::generate_project::text::{self, Text};
use crate::mcp::error::{Problem, ToolError};
use crate::mcp::roots;
use crate::mcp::schema;
use crate::mcp::server::{Call, Effect, Reply, Tool};

pub(super) const TOOL: Tool = Tool {
    name: "generate_project",
    title: "Generate a project",
    description: "Generates the project that plan_project describes, from the same arguments. Where the server has \
                  folders of its own it writes the project's folder, all or nothing, and refuses one that is not \
                  empty; otherwise it returns the files or an archive. Nothing is generated while inputs are \
                  missing or a finding is an error: those come back as from plan_project.",
    effect: Effect::Writes,
    file_arguments: &[],
    input: || core::with_inputs(schema::input::<Own>()),
    output: schema::output::<GenerateAnswer>,
    asks: Some(core::asks),
    waits: |_| true,
    weighs: false,
    run: generate,
};

/// The arguments besides the generator's inputs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Own {
    /// Folder of the project itself, below one of the server's folders; relative to the first of them. Left out: a folder named like the project.
    output_directory: Option<String>,
    /// What to do with a project that is already in that folder: `refuse`; `update` it, unless that would change files edited by hand; `force` the update, keeping edited files as <name>.orig.
    #[serde(default)]
    on_existing: OnExisting,
    /// `directory` writes the project, `files` returns the contents in pages, `archive` returns one .tar.gz in base64, for programs. Left out: `directory` if the server has folders, else `files`.
    return_as: Option<ReturnAs>,
    /// With `files`: where to go on, from nextCursor of the page before.
    cursor: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum OnExisting {
    #[default]
    Refuse,
    Update,
    Force,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum ReturnAs {
    Directory,
    Files,
    Archive,
}

/// How many bytes of contents one page holds, so that no client cuts it off.
const PAGE: usize = 40 * 1024;

fn generate(call: Call) -> Result<Reply, ToolError> {
    let (own, mut inputs) = given::read::<Own>(schema::input::<Own>, call.arguments.clone())?;
    // What the user filled in answers what was missing; it never overrides what was given.
    for (key, value) in &call.answered.values {
        inputs.entry(key.clone()).or_insert_with(|| value.clone());
    }
    let inputs = given::settled(inputs)?;
    let (planned, project) = core::generate(&call.context, inputs);
    let Some(project) = project else {
        if planned.status == Status::NeedsInput
            && let Some(form) = ask::form(&call, &planned.questions)
        {
            return form;
        }
        return stopped(planned);
    };
    let roots = &call.context.roots;
    let return_as = own.return_as.unwrap_or(if roots.is_empty() && !roots.is_unsettled() {
        ReturnAs::Files
    } else {
        ReturnAs::Directory
    });
    let answer = match return_as {
        ReturnAs::Directory => written(&call, &own, planned, &project)?,
        ReturnAs::Files => paged(planned, &project, own.cursor.as_deref())?,
        ReturnAs::Archive => archived(planned, &project)?,
    };
    let text = text(&answer);
    Ok(Reply::answer(answer, text))
}

/// The answer of a call that generated nothing.
fn stopped(planned: Planned) -> Result<Reply, ToolError> {
    let refused = planned.status == Status::Refused;
    let mut answer = begun(planned);
    answer.next_steps = vec![if refused {
        "follow the fix of each finding of severity error, then call generate_project again"
            .to_owned()
    } else {
        "put the questions to the user, then call generate_project again with the answers added"
            .to_owned()
    }];
    let text = text(&answer);
    Ok(if refused { Reply::refusal(answer, text) } else { Reply::answer(answer, text) })
}

/// An answer with what every outcome has.
fn begun(planned: Planned) -> GenerateAnswer {
    GenerateAnswer {
        status: planned.status,
        summary: planned.summary,
        directory: None,
        questions: planned.questions,
        findings: planned.findings,
        decisions: planned.decisions,
        file_count: planned.files.len(),
        updated: Vec::new(),
        removed: Vec::new(),
        kept: Vec::new(),
        contents: Vec::new(),
        next_cursor: None,
        archive: None,
        cost: planned.cost,
        next_steps: planned.next_steps,
    }
}

fn written(
    call: &Call,
    own: &Own,
    planned: Planned,
    project: &Project,
) -> Result<GenerateAnswer, ToolError> {
    const FIELD: &str = "outputDirectory";
    let requested = own.output_directory.clone().unwrap_or_else(|| planned.name.clone());
    let place = call.context.roots.place(FIELD, &requested)?;
    let path = place.path();
    let refused = |error: WriteError| refused(FIELD, &requested, &error);
    let existing = match place.folder() {
        Ok(folder) if is_project(&folder) => Some(folder),
        _ => None,
    };
    let mut answer = begun(planned);
    if let Some(folder) = existing {
        if own.on_existing == OnExisting::Refuse {
            return Err(refused(WriteError::Occupied(path)));
        }
        let force = own.on_existing == OnExisting::Force;
        let updated = project.update_folder(&folder, force).map_err(refused)?;
        updated_answer(&mut answer, updated, &path);
    } else {
        let parent = place.parent().map_err(|error| refused(error.into()))?;
        let Some((parent, name)) = parent else {
            return Err(ToolError::of(
                "outside_roots",
                Problem::of(FIELD, "the project needs a folder of its own")
                    .value(&requested.into())
                    .fix("give a folder below this one, or leave it out"),
            ));
        };
        project.write_in(&parent, &name).map_err(refused)?;
        answer.status = Status::Written;
        answer.summary = format!("{} files written to {}.", answer.file_count, path.display());
    }
    answer.next_steps = started(&answer.next_steps, &path);
    answer.directory = Some(path.display().to_string());
    Ok(answer)
}

/// Whether a folder keeps inputs, readable or not: then it is a project, and an update says what is wrong with it.
fn is_project(folder: &Folder) -> bool {
    !folder.kind(mcc_generator::SAVED_INPUTS).is_err_and(|error| error.is_missing())
}

/// The next steps from where the project really is.
fn started(steps: &[String], folder: &Path) -> Vec<String> {
    let mut steps: Vec<String> = steps.to_vec();
    if let Some(first) = steps.first_mut()
        && first.starts_with("cd ")
    {
        *first = format!("cd '{}'", folder.display().to_string().replace('\'', r"'\''"));
    }
    steps
}

fn updated_answer(answer: &mut GenerateAnswer, updated: Updated, folder: &Path) {
    let (written, removed) = (updated.written.len(), updated.removed.len());
    answer.status = if written + removed == 0 { Status::Unchanged } else { Status::Updated };
    answer.summary =
        format!("{} written and {removed} removed in {}.", files(written), folder.display());
    answer.updated = updated.written;
    answer.removed = updated.removed;
    answer.kept = updated.kept;
}

fn files(count: usize) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}

fn refused(field: &str, requested: &str, error: &WriteError) -> ToolError {
    let (code, fix) = match error {
        WriteError::Occupied(_) => (
            "folder_not_empty",
            "give another outputDirectory; or, if it is a project of this generator, set onExisting to update",
        ),
        WriteError::NotAProject { .. } => ("not_a_project", "give another outputDirectory"),
        WriteError::Edited(_) => (
            "edited_files",
            "look at check_project with detail full; then set onExisting to force, which keeps each edited file as <name>.orig",
        ),
        WriteError::File(error) => return roots::failed("write_failed", field, requested, error),
    };
    ToolError::of(code, Problem::of(field, error.to_string()).value(&requested.into()).fix(fix))
}

fn paged(
    planned: Planned,
    project: &Project,
    cursor: Option<&str>,
) -> Result<GenerateAnswer, ToolError> {
    let mut answer = begun(planned);
    if let Some(cursor) = cursor
        && project.get(cursor).is_none()
    {
        return Err(ToolError::of(
            "invalid_arguments",
            Problem::of("cursor", "it is not from an answer with the same arguments")
                .fix("leave it out to start from the first page"),
        ));
    }
    let mut size = 0;
    // The cursor is the first path of the next page: the files are in order, and the same
    // arguments give the same files.
    for (path, file) in
        project.files().skip_while(|(path, _)| cursor.is_some_and(|cursor| *path < cursor))
    {
        if size > 0 && size + file.bytes.len() > PAGE {
            answer.next_cursor = Some(path.to_owned());
            break;
        }
        size += file.bytes.len();
        let (encoding, content) = match std::str::from_utf8(&file.bytes) {
            Ok(text) => ("utf-8", text.to_owned()),
            Err(_) => ("base64", BASE64.encode(&file.bytes)),
        };
        answer.contents.push(ContentAnswer {
            path: path.to_owned(),
            executable: file.executable,
            encoding: encoding.to_owned(),
            content,
        });
    }
    answer.status = Status::Returned;
    answer.summary = format!(
        "{} of {} files returned; nothing was written.",
        answer.contents.len(),
        answer.file_count
    );
    let mut steps = vec![
        "write each of contents to its path below a folder named like the project, and make the executable ones executable"
            .to_owned(),
    ];
    if answer.next_cursor.is_some() {
        steps.push(
            "call generate_project again with cursor set to nextCursor, until there is none"
                .to_owned(),
        );
    }
    steps.append(&mut answer.next_steps);
    answer.next_steps = steps;
    Ok(answer)
}

fn archived(planned: Planned, project: &Project) -> Result<GenerateAnswer, ToolError> {
    let name = planned.name.clone();
    let bytes = project
        .tar_gz(&name)
        .map_err(|error| ToolError::internal(&format!("the archive could not be made: {error}")))?;
    let mut answer = begun(planned);
    answer.status = Status::Returned;
    answer.summary =
        format!("{} files returned as one archive; nothing was written.", answer.file_count);
    answer.archive = Some(ArchiveAnswer {
        name: format!("{name}.tar.gz"),
        media_type: "application/gzip".to_owned(),
        encoding: "base64".to_owned(),
        data: BASE64.encode(bytes),
    });
    answer.next_steps.insert(0, "decode archive.data and unpack it with tar -xzf".to_owned());
    Ok(answer)
}

fn text(answer: &GenerateAnswer) -> String {
    let contents = answer.contents.iter().map(|file| {
        let mode = if file.executable { ", executable" } else { "" };
        format!("{} ({}{mode}):\n{}", file.path, file.encoding, file.content)
    });
    // A program reads the structure, and for a model the archive's text would be of no use.
    let archive = answer
        .archive
        .as_ref()
        .map(|archive| format!("{} is in archive.data of the structured content.", archive.name));
    let cursor = answer.next_cursor.as_ref();
    Text::new(&answer.summary)
        .list("Questions", answer.questions.iter().map(text::question))
        .list("Findings", answer.findings.iter().map(text::finding))
        .list("Written", &answer.updated)
        .list("Removed", &answer.removed)
        .list("Edited files kept as <name>.orig", &answer.kept)
        .list("Decided", text::decisions(answer.decisions.as_ref()))
        .list("Contents", contents)
        .line(archive)
        .line(cursor.map(|cursor| format!("There is more: call again with cursor {cursor}.")))
        .list("Next", &answer.next_steps)
        .done()
}
