//! Which module of the generator may use which: nothing goes round in a circle.

use std::collections::BTreeSet;
use std::path::Path;

use super::{named, sources};

/// The modules of `generator/src`, floor by floor: each uses those of lower floors, and none of its own.
const FLOORS: [&[&str]; 17] = [
    &["beside", "caution", "format", "project", "reasons", "release", "repeated"],
    &["archive", "artifact", "inputs", "lenient"],
    &["manifest", "schema", "source"],
    &["framework", "named", "registry"],
    &["deployment", "render", "spec"],
    &["fix", "written"],
    &["finding", "meaning"],
    &["decisions", "next", "values"],
    &["applied", "refused"],
    &["merge"],
    &["kept", "known", "package"],
    &["built"],
    &["derive", "resolve", "saved"],
    &["diff", "facts", "questions", "rules"],
    &["plan", "prove", "write"],
    &["asks", "choices"],
    &["check", "matrix"],
];
/// Who uses a neighbour all the same, and why.
const NEIGHBOURS: [(&str, &str, &str); 2] = [
    ("plan", "prove", "a plan has its fixes proved"),
    ("prove", "plan", "what is proved is read from the plans that a fix leads to"),
];

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

/// What `source`, a file of `module`, uses and may not.
fn too_high(module: &str, file: &str, source: &str) -> Option<String> {
    let own = floor(module).unwrap();
    let may = |name: &String| {
        name == module
            || floor(name).is_some_and(|floor| floor < own)
            || NEIGHBOURS.iter().any(|(by, used, _)| *by == module && used == name)
    };
    used(file, source).into_iter().find(|name| !may(name))
}

/// The modules that a file names: from the root, or as its neighbours.
fn used(file: &str, source: &str) -> BTreeSet<String> {
    let deep = file.matches('/').count() + usize::from(!file.ends_with("/mod.rs"));
    named(&source.replace(&"super::".repeat(deep), "crate::"))
}

/// Modules and their files, by their paths within `generator/src`.
fn modules() -> Vec<(String, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("generator/src");
    let prefix = format!("{}/", root.display());
    let files = sources(&root).into_iter().map(|(path, text)| {
        let file = path.strip_prefix(&prefix).unwrap().to_owned();
        let module = file.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
        (module, file, text)
    });
    files.filter(|(module, ..)| module != "lib").collect()
}

#[test]
fn no_module_of_the_generator_uses_a_higher_one() {
    let files = modules();
    let found: BTreeSet<&str> = files.iter().map(|(module, ..)| module.as_str()).collect();
    let known: BTreeSet<&str> = FLOORS.iter().flat_map(|floor| floor.iter().copied()).collect();
    assert_eq!(found, known);
    for (module, file, text) in &files {
        assert_eq!(too_high(module, file, text), None, "{file}");
    }
    for (by, name, _) in NEIGHBOURS {
        let of = files.iter().filter(|(module, ..)| module == by);
        let uses = of.flat_map(|(_, file, text)| used(file, text)).any(|used| used == name);
        assert!(uses, "{by} no longer uses {name}");
    }
}

#[test]
fn a_module_that_reaches_up_is_seen() {
    for (file, planted, found) in [
        ("resolve/recommend.rs", "use crate::rules;", Some("rules")),
        ("resolve/recommend.rs", "fn f() { super::super::rules::rules(); }", Some("rules")),
        ("resolve/mod.rs", "fn f() { super::rules::rules(); }", Some("rules")),
        ("values.rs", "use crate::{derive, lenient};", Some("derive")),
        ("artifact/zip.rs", "use crate::framework::Pins;", Some("framework")),
        // Names at the root hide from which module they are.
        ("merge.rs", "fn f() { crate::plan(); crate::Manifest::default(); }", Some("Manifest")),
        ("derive.rs", "use crate::resolve::Context;", Some("resolve")),
        ("rules/memory.rs", "use super::Rule;\nuse crate::resolve::Context;", None),
        ("fix.rs", "#[cfg(test)]\nmod tests { use crate::plan; }", None),
    ] {
        let module = file.split('/').next().unwrap().trim_end_matches(".rs");
        assert_eq!(too_high(module, file, planted).as_deref(), found, "{file}: {planted}");
    }
}
