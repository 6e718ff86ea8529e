//! The same of moto, an emulator of AWS that others wrote: what it has of it.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use mcc_catalogs::{Ask, Resource};
use serde_json::Value;

use crate::accounts::{clusters, look};
use crate::needs;
use crate::usual::{GROUP_ARN, IMAGE};

/// moto, which ends with this.
struct Moto {
    server: Child,
    told: Value,
}

impl Moto {
    fn start() -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let python: Option<PathBuf> = std::env::split_paths(&path)
            .filter(|dir| dir.join("moto_server").is_file())
            .map(|dir| dir.join("python"))
            .find(|python| {
                let mut run = Command::new(python);
                run.args(["-c", "import moto.server, boto3"])
                    .output()
                    .is_ok_and(|run| run.status.success())
            });
        let Some(python) = python else {
            needs::missing_of("emulator", "moto (.ci/emulator FOLDER, and FOLDER/bin on the PATH)");
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/aws/emulate.py");
        let mut server = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told = serde_json::from_str(&line).expect("moto did not start");
        Self { server, told }
    }

    fn address(&self) -> SocketAddr {
        let port = self.told["port"].as_u64().unwrap();
        SocketAddr::from(([127, 0, 0, 1], u16::try_from(port).unwrap()))
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}

pub fn an_emulated_account_is_read() {
    let moto = Moto::start();
    let (secret, deleted) =
        (moto.told["secret"].as_str().unwrap(), moto.told["deleted"].as_str().unwrap());
    let missing = "arn:aws:secretsmanager:us-east-1:123456789012:secret:none-AbCdEf";
    let gone = "arn:aws:sagemaker:us-east-1:123456789012:model-package/g1/9";
    let named =
        [secret, deleted, missing, GROUP_ARN, gone].map(|arn| Ask::Named(arn.parse().unwrap()));
    let (found, catalogs, taken) = look(moto.address(), &named);
    let resources = catalogs.resources();
    let of = |name: &str, deleted| Some(Resource::Secret { name: name.to_owned(), deleted });
    assert_eq!(resources.named(secret).cloned(), of("prod/hf-token", false), "{found:?}");
    assert_eq!(resources.named(deleted).cloned(), of("huggingface-old", true));
    assert_eq!(resources.named(missing), Some(&Resource::Missing));
    assert_eq!(resources.named(gone), Some(&Resource::Missing), "{found:?}");
    let Some(Resource::Package { approval, image, types, .. }) = resources.named(GROUP_ARN) else {
        panic!("{found:?}")
    };
    assert_eq!(approval.as_deref(), Some("Approved"));
    assert_eq!((image.as_ref().unwrap().as_str(), types.len()), (IMAGE, 1));
    assert!(taken <= 7, "{taken}");

    let (found, catalogs, _) =
        look(moto.address(), &[clusters(), Ask::Secrets("us-east-1".parse().unwrap())]);
    for name in ["one", "two"] {
        let cluster =
            catalogs.clusters().get("us-east-1", name).unwrap_or_else(|| panic!("{found:?}"));
        let group = &cluster.groups.as_ref().unwrap()[0];
        // moto forgets the orchestrator, so EKS is asked of the stand-in alone.
        assert_eq!((cluster.eks.as_deref(), cluster.kubernetes.as_deref()), (None, None));
        assert_eq!(
            (group.instance.as_str(), group.current, group.nodes_in_service),
            ("ml.g5.8xlarge", 2, Some(2))
        );
    }
    // moto has neither training plans nor capacity reservations, and answers with errors: they are told.
    let listed = catalogs.clusters().listed("us-east-1").unwrap();
    assert!(listed.clusters && !listed.capacity);
    for what in ["Training plans", "Capacity reservations"] {
        assert!(found.notes.iter().any(|note| note.starts_with(what)), "{:?}", found.notes);
    }
    let tokens: Vec<_> =
        catalogs.resources().tokens("us-east-1").map(|t| t.name.as_str()).collect();
    assert_eq!(tokens, ["prod/hf-token"]);

    let addresses = [
        "s3://models/llama/",
        "s3://models/llama",
        "s3://models/llama.tar.gz",
        "s3://models.dotted/many/",
        "s3://none-of-it/x",
    ];
    let asks = addresses.map(|address| Ask::Files(address.parse().unwrap()));
    let (found, catalogs, _) = look(moto.address(), &asks);
    let stored = |at: usize| {
        catalogs.resources().stored(addresses[at]).unwrap_or_else(|| panic!("{found:?}"))
    };
    for at in [0, 1] {
        let names: Vec<_> = stored(at).files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["config.json", "model a+b.safetensors"], "{at}");
        assert!(stored(at).config.as_ref().unwrap().text().contains("LlamaForCausalLM"));
    }
    assert!(stored(2).is_object && stored(2).bytes() == 3);
    assert_eq!((stored(3).files.len(), stored(3).complete), (1101, true));
    assert!(stored(3).config.is_some());
    assert_eq!(
        (stored(4).files.len(), found.notes.iter().filter(|n| n.contains("no bucket")).count()),
        (0, 1)
    );

    let image = |tag: &str| {
        let name = format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/team/{tag}");
        let (found, catalogs, _) = look(moto.address(), &[Ask::Image(name.parse().unwrap())]);
        let known = catalogs.resources().image(&name).cloned();
        known.unwrap_or_else(|| panic!("{found:?}"))
    };
    // moto gives out no addresses of layers.
    let there = image("vllm:v1.1.0");
    assert_eq!((there.exists, there.bytes, there.cuda), (true, Some(7), None));
    let missing = image("vllm:v2.0.0");
    assert_eq!((missing.exists, missing.like), (false, vec!["v1.1.0".into(), "v1.0.0".into()]));
    assert!(!image("none:v1.0.0").exists);
}
