//! A real registry on this machine: Debian's docker-registry, filled through its own API. It ends with the test.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::needs;

pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const OCI_IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub const DOCKER_IMAGE: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

/// The registry.
pub struct Registry {
    serving: Child,
    /// `127.0.0.1:5000`.
    pub host: String,
    folder: tempfile::TempDir,
    client: reqwest::Client,
}

/// A blob or manifest that was pushed.
#[derive(Debug, Clone)]
pub struct Pushed {
    pub digest: String,
    pub size: usize,
}

impl Registry {
    /// A registry whose configuration has `auth`, in YAML.
    pub fn start(auth: &str) -> Self {
        let program = needs::tool("docker-registry");
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("registry");
        let password = folder.path().join("passwords");
        // Nobody's: bcrypt of a random word.
        std::fs::write(
            &password,
            "u:$2y$05$D9Uy/CoOYWyBnUMlKUwxFe9Jd1u7Yq9Bc0Vq7G4o2Y5i1QXx1fJzK\n",
        )
        .unwrap();
        let auth = auth.replace("PASSWORDS", password.to_str().unwrap());
        for _ in 0..5 {
            let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let config = folder.path().join("config.yml");
            let text = format!(
                "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n\
                 storage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: '{free}', secret: test}}\n{auth}",
                root.display()
            );
            std::fs::write(&config, text).unwrap();
            let log = std::fs::File::create(folder.path().join("log")).unwrap();
            let mut serving = Command::new(&program)
                .arg("serve")
                .arg(&config)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(log)
                .spawn()
                .unwrap();
            let since = Instant::now();
            while since.elapsed() < Duration::from_secs(20) {
                if TcpStream::connect(free).is_ok() {
                    // Web has not been made yet, which installs it otherwise.
                    let _ = rustls::crypto::ring::default_provider().install_default();
                    let client = reqwest::Client::builder().no_proxy().build().unwrap();
                    return Self { serving, host: free.to_string(), folder, client };
                }
                // Somebody else was faster.
                if serving.try_wait().unwrap().is_some() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = serving.kill();
            let _ = serving.wait();
        }
        panic!("{}", std::fs::read_to_string(folder.path().join("log")).unwrap());
    }

    /// The address of something in it.
    pub fn image(&self, name: &str) -> mcc_catalogs::ImageUri {
        format!("{}/{name}", self.host).parse().unwrap()
    }

    async fn sent(&self, request: reqwest::RequestBuilder) -> reqwest::Response {
        let answer = request.header("Authorization", "Bearer anything").send().await.unwrap();
        let status = answer.status();
        if !status.is_success() {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
            panic!("{status} {} {log}", answer.text().await.unwrap());
        }
        answer
    }

    /// Pushes a blob.
    pub async fn blob(&self, repository: &str, bytes: &[u8]) -> Pushed {
        let digest = digest(bytes);
        let start = format!("http://{}/v2/{repository}/blobs/uploads/", self.host);
        let started = self.sent(self.client.post(start)).await;
        let to = started.headers()["location"].to_str().unwrap();
        let to = format!("{to}&digest={digest}");
        self.sent(self.client.put(to).body(bytes.to_vec())).await;
        Pushed { digest, size: bytes.len() }
    }

    /// Pushes a manifest under a tag or its digest.
    pub async fn manifest(&self, name: &str, kind: &str, manifest: &Value) -> Pushed {
        let text = manifest.to_string();
        let digest = digest(text.as_bytes());
        let (repository, tag) = name.split_once(':').unwrap_or((name, &digest));
        let to = format!("http://{}/v2/{repository}/manifests/{tag}", self.host);
        let size = text.len();
        self.sent(self.client.put(to).header("Content-Type", kind).body(text)).await;
        Pushed { digest, size }
    }

    /// Pushes an image with one layer of `layer` bytes.
    pub async fn push(&self, name: &str, kind: &str, config: &Value, layer: usize) -> Pushed {
        let repository = name.split(':').next().unwrap();
        let config = self.blob(repository, config.to_string().as_bytes()).await;
        let layer = self.blob(repository, &vec![7; layer]).await;
        let of = |kind: &str, pushed: &Pushed| json!({"mediaType": kind, "digest": pushed.digest, "size": pushed.size});
        let (configs, layers) = if kind == OCI_IMAGE {
            (OCI_CONFIG, "application/vnd.oci.image.layer.v1.tar+gzip")
        } else {
            (DOCKER_CONFIG, "application/vnd.docker.image.rootfs.diff.tar.gzip")
        };
        let manifest = json!({"schemaVersion": 2, "mediaType": kind, "config": of(configs, &config),
            "layers": [of(layers, &layer)]});
        self.manifest(name, kind, &manifest).await
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.serving.kill();
        let _ = self.serving.wait();
    }
}

pub fn digest(bytes: &[u8]) -> String {
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// The configuration of an image, as docker writes it.
pub fn config(arch: &str, environment: &[&str], labels: &Value) -> Value {
    json!({"architecture": arch, "os": "linux", "created": "2026-11-01T00:00:00Z",
        "config": {"Env": environment, "Labels": labels, "ExposedPorts": {"8080/tcp": {}}, "Entrypoint": ["/serve"]},
        "rootfs": {"type": "layers", "diff_ids": []}, "history": [{"created_by": "RUN true"}]})
}
