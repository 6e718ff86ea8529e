//! A hub of one model, and a server that never answers.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// A model that no catalog has.
pub const MODEL: &str = "mine/new-4b";
/// Its parameters, at two bytes each.
pub const PARAMETERS: u64 = 4_022_468_096;
const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

/// A server on a free port of this machine, for as long as the process lives.
pub struct Standin {
    pub url: String,
    /// The heads of requests, as they came.
    pub heads: Arc<Mutex<Vec<String>>>,
}

impl Standin {
    /// The hub.
    pub fn hub() -> Self {
        let pages = BTreeMap::from([
            (format!("/api/models/{MODEL}"), info()),
            (format!("/{MODEL}/resolve/{SHA}/config.json"), config()),
        ]);
        Self::serving(move |path, mut stream| {
            let (status, body) = match pages.get(path) {
                Some(page) => ("200 OK", page.to_string()),
                None => ("404 Not Found", json!({"error": "not found"}).to_string()),
            };
            let length = body.len();
            let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\n");
            let _ =
                write!(stream, "{head}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}");
        })
    }

    /// A server that takes requests and never answers.
    pub fn silent() -> Self {
        let open = Mutex::new(Vec::new());
        Self::serving(move |_, stream| open.lock().unwrap().push(stream))
    }

    fn serving(answer: impl Fn(&str, TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heads);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let head: Vec<String> =
                    lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
                let Some(first) = head.first() else { continue };
                let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
                seen.lock().unwrap().push(head.join("\n"));
                answer(path.split('?').next().unwrap_or_default(), stream);
            }
        });
        Self { url, heads }
    }

    /// How many requests came.
    pub fn count(&self) -> usize {
        self.heads.lock().unwrap().len()
    }
}

fn info() -> Value {
    json!({
        "id": MODEL, "sha": SHA, "gated": false, "private": false, "disabled": false,
        "pipeline_tag": "text-generation", "tags": ["license:apache-2.0"],
        "createdAt": "2026-11-01T00:00:00.000Z",
        "config": {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3"},
        "safetensors": {"parameters": {"BF16": PARAMETERS}, "total": PARAMETERS},
        "siblings": [
            {"rfilename": "config.json", "size": 700},
            {"rfilename": "model.safetensors", "size": PARAMETERS * 2},
        ],
    })
}

fn config() -> Value {
    json!({
        "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "torch_dtype": "bfloat16",
        "hidden_size": 2560, "num_hidden_layers": 36, "num_attention_heads": 32,
        "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 9728,
        "vocab_size": 151_936, "max_position_embeddings": 40_960, "tie_word_embeddings": true,
    })
}
