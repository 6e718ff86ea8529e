//! What decides whether a model runs is read in `fit/`. Elsewhere a few files tell it, hand it on, or look for it, and
//! compare nothing.

use std::collections::BTreeSet;
use std::path::Path;

use super::{code, sources};

/// Memory, capability, driver, CUDA and offers of instance types, images, host images and Regions.
const DECIDING: [&str; 29] = [
    "accelerator_memory_gib",
    "instance.memory_gib",
    "device.memory_gib",
    ".memory_gib(",
    "::memory_gib",
    ".memory_mib",
    ".reported_mib",
    ".marketing_gb",
    ".memory_basis",
    ".nvme_gb",
    ".nvme(",
    ".compute_capability",
    ".bf16",
    ".fp8",
    ".fp4",
    ".core_groups",
    ".min_driver",
    ".last_driver",
    ".driver",
    ".min_cuda",
    ".cuda",
    ".cuda(",
    ".amis(",
    ".offers(",
    ".offering(",
    ".ec2_accelerators",
    ".previous_generation",
    ".hosting",
    ".batch_transform",
];

/// What a file does with such a fact.
#[derive(Clone, Copy, PartialEq)]
enum Does {
    /// Tells it, in an answer, a message or the view of templates.
    Tells,
    /// Gives it to `fit`, or to arithmetic that decides nothing.
    Hands,
    /// Looks for what the caller named.
    Seeks,
}
use Does::{Hands, Seeks, Tells};

const ALLOWED: [(&str, Does, &[&str]); 18] = [
    ("generator/src/choices.rs", Tells, &[".memory_gib("]),
    ("generator/src/decisions.rs", Tells, &[".cuda", ".driver"]),
    ("generator/src/resolve/basis.rs", Hands, &[".cuda", "device.memory_gib"]),
    ("generator/src/resolve/deployment.rs", Hands, &[".cuda", "instance.memory_gib"]),
    ("generator/src/resolve/hyperpod.rs", Hands, &["instance.memory_gib"]),
    ("generator/src/resolve/image.rs", Tells, &[".cuda", ".cuda("]),
    ("generator/src/resolve/mod.rs", Tells, &[".memory_gib(", ".nvme("]),
    ("generator/src/rules/deployment.rs", Tells, &[".offering("]),
    ("generator/src/rules/image.rs", Hands, &[".cuda", ".driver"]),
    ("generator/src/rules/memory.rs", Tells, &["device.memory_gib"]),
    ("servers/src/base_image/judge.rs", Tells, &[".cuda", ".driver"]),
    ("servers/src/base_image/resources.rs", Tells, &[".amis("]),
    ("servers/src/base_image/tools/mod.rs", Tells, &[".cuda"]),
    ("servers/src/base_image/tools/recommend_image.rs", Tells, &[".driver"]),
    ("servers/src/base_image/tools/search_images.rs", Seeks, &[".cuda"]),
    ("servers/src/common/fits/answer.rs", Tells, &[".memory_gib("]),
    ("servers/src/common/fits/image.rs", Tells, &[".cuda", ".driver"]),
    ("servers/src/instance/resources.rs", Tells, &[".memory_gib(", "accelerator_memory_gib"]),
];

/// What a statement has that chooses.
const CHOOSES: [&str; 17] = [
    " < ",
    " > ",
    " <= ",
    " >= ",
    " == ",
    " != ",
    ".filter(",
    ".cmp(",
    ".total_cmp(",
    "compare(",
    "_by(",
    "_by_key(",
    ".any(",
    ".all(",
    ".find(",
    ".is_none_or(",
    ".is_some_and(",
];

/// The statement, the arm or the field of a literal around what is from `at` to `end`.
fn statement(text: &str, at: usize, end: usize) -> &str {
    let ends = [';', '{', '}'];
    let from = text[..at].rfind(ends).map_or(0, |at| at + 1);
    let to = end + text[end..].find(ends).unwrap_or(text.len() - end);
    // Commas in brackets are within one.
    let mut depth = 0;
    let depths: Vec<(usize, char, i32)> = text[from..to]
        .char_indices()
        .map(|(place, c)| {
            depth += i32::from(matches!(c, '(' | '[')) - i32::from(matches!(c, ')' | ']'));
            (from + place, c, depth)
        })
        .collect();
    let outside = depths.iter().map(|(.., depth)| *depth).min().unwrap_or(0).min(0);
    let commas = depths.iter().filter(|(_, c, depth)| *c == ',' && *depth == outside);
    let commas: Vec<usize> = commas.map(|(place, ..)| *place).collect();
    let from = commas.iter().rev().find(|place| **place < at).map_or(from, |place| place + 1);
    let to = commas.iter().find(|place| **place >= end).map_or(to, |place| *place);
    &text[from..to]
}

/// The deciding names in `source`, each with the statement that it is in.
fn reads(source: &str) -> Vec<(&'static str, String)> {
    let lines = code(source).lines().filter(|line| !line.trim_start().starts_with("//"));
    let text = lines.collect::<Vec<_>>().join(" ");
    let inside = |c: char| c == '_' || c.is_alphanumeric();
    let mut found = Vec::new();
    for name in DECIDING {
        for (at, _) in text.match_indices(name) {
            let (before, after) = (&text[..at], &text[at + name.len()..]);
            let longer = |end: char, next: Option<char>| inside(end) && next.is_some_and(inside);
            // What is called is counted once, as a method of anything.
            let method = format!(".{}(", name.rsplit('.').next().unwrap());
            let called = name.ends_with(inside) && after.starts_with('(');
            if longer(name.chars().next().unwrap(), before.chars().next_back())
                || longer(name.chars().next_back().unwrap(), after.chars().next())
                || called && DECIDING.contains(&method.as_str())
            {
                continue;
            }
            found.push((name, statement(&text, at, at + name.len()).to_owned()));
        }
    }
    found
}

/// The first thing wrong with what `file` reads.
fn fault(file: &str, source: &str) -> Option<String> {
    let allowed = ALLOWED.iter().find(|(own, ..)| *own == file);
    for (name, statement) in reads(source) {
        let Some((_, does, _)) = allowed.filter(|(.., names)| names.contains(&name)) else {
            return Some(format!("{name} is read: {statement}"));
        };
        let chooses = CHOOSES.iter().find(|sign| statement.contains(**sign));
        if let Some(sign) = chooses.filter(|_| *does != Seeks) {
            return Some(format!("{name} is compared by `{sign}`: {statement}"));
        }
    }
    None
}

#[test]
fn what_decides_is_read_in_fit() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen: BTreeSet<(String, &str)> = BTreeSet::new();
    for room in ["generator/src", "servers/src", "src"] {
        for (path, text) in sources(&root.join(room)) {
            let file = path.strip_prefix(&format!("{}/", root.display())).unwrap();
            assert_eq!(fault(file, &text), None, "{file}");
            seen.extend(reads(&text).into_iter().map(|(name, _)| (file.to_owned(), name)));
        }
    }
    for (file, _, names) in ALLOWED {
        for name in names {
            assert!(seen.contains(&(file.to_owned(), name)), "{file} no longer reads {name}");
        }
    }
}

#[test]
fn a_decision_outside_fit_is_seen() {
    let tells = "generator/src/decisions.rs";
    for (file, planted, seen) in [
        ("servers/src/model/place.rs", "fn f() { row.memory_gib() }", true),
        ("servers/src/model/place.rs", "fn f() { rows.map(Instance::memory_gib) }", true),
        (
            "servers/src/model/place.rs",
            "fn f() { rows.map(Instance::accelerator_memory_gib) }",
            true,
        ),
        ("servers/src/model/place.rs", "fn f() { a.compute_capability }", true),
        ("src/commands/plan.rs", "fn f() { catalogs\n    .regions()\n    .offers(a, b) }", true),
        ("generator/src/rules/limits.rs", "fn f() { catalogs.amis().fit(driver, cuda) }", true),
        // Who may tell a fact may tell no other, and compares none.
        (tells, "fn f() { row.min_cuda }", true),
        (tells, "fn f() { a; image.cuda.as_deref() == Some(\"13\"); }", true),
        (tells, "fn f() { rows.filter(|row| row.driver\n    .is_some()) }", true),
        (tells, "fn f() { image.cuda\n    >= least }", true),
        (tells, "fn f() { let a = compare(b, image.cuda); }", true),
        (tells, "A { cuda: image.cuda.clone(), more: a == b }", false),
        (tells, "fn f() { format!(\"{}\", spec.image.cuda) }", false),
        (
            "servers/src/base_image/tools/search_images.rs",
            "fn f() { has(image.cuda) && a == b }",
            false,
        ),
        // Needs and words of the same name.
        (
            "servers/src/model/place.rs",
            "fn f() { needs.memory_gib; host.drivers; \"CUDA\" }",
            false,
        ),
        ("servers/src/model/place.rs", "// row.memory_gib() is told", false),
        (
            "servers/src/model/place.rs",
            "#[cfg(test)]\nmod tests { fn f() { row.memory_gib() } }",
            false,
        ),
    ] {
        assert_eq!(fault(file, planted).is_some(), seen, "{file}: {planted}");
    }
}
