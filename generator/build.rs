//! Layers are embedded by `include_dir!`, which does not notice new files by itself.

fn main() {
    println!("cargo:rerun-if-changed=layers");
    println!("cargo:rerun-if-changed=targets");
}
