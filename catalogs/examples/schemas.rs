//! Writes the JSON schemas of the catalog files to `catalogs/schemas`, or compares them with `--check`.

#![expect(clippy::print_stderr, reason = "a command line tool")]

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let check = std::env::args().any(|argument| argument == "--check");
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let mut code = ExitCode::SUCCESS;
    for (name, schema) in mcc_catalogs::schemas() {
        let path = dir.join(name);
        let text = format!("{schema:#}\n");
        if check {
            if std::fs::read_to_string(&path).ok().as_deref() != Some(&text) {
                eprintln!("{} is not what the types say", path.display());
                code = ExitCode::FAILURE;
            }
        } else if let Err(error) = std::fs::write(&path, text) {
            eprintln!("cannot write {}: {error}", path.display());
            code = ExitCode::FAILURE;
        }
    }
    code
}
