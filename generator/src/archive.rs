//! A project as one `.tar.gz`, for clients that cannot share a folder with the server.

use std::io;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::project::Project;

impl Project {
    /// The project as a gzipped tar archive below a folder called `name`; same project, same bytes.
    pub fn tar_gz(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
        for (path, file) in self.files() {
            let mut header = tar::Header::new_ustar();
            header.set_size(file.bytes.len() as u64);
            header.set_mode(if file.executable { 0o755 } else { 0o644 });
            header.set_mtime(0);
            tar.append_data(&mut header, format!("{name}/{path}"), file.bytes.as_ref())?;
        }
        tar.into_inner()?.finish()
    }
}
