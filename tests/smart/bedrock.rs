//! AWS with Bedrock alone: models that say what a test has them say, what is known of them, and a list of their prices.
//! Everything else is denied. What was asked and answered is kept for AWS's own models to judge.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use serde_json::{Value, json};

/// The model of the inference profile that is asked.
const MODEL: &str = "anthropic.claude-haiku-4-5-20251001-v1:0";
/// The Region that is called.
pub const REGION: &str = "eu-west-1";
/// Tokens of each answer, in and out.
pub const TOKENS: (u64, u64) = (900, 60);

/// What a model does with a question.
#[derive(Clone)]
pub enum Does {
    /// Calls the tool with this.
    Calls(Value),
    /// Ends with this content and for this reason.
    Ends(&'static str, Value),
    /// Sends this in place of an answer.
    Sends(&'static str),
    /// Refuses with this status and code.
    Refuses(u16, &'static str),
    /// Calls the tool with this once it is let go.
    Waits(Value),
    /// Says nothing, ever.
    Hangs,
}

#[derive(Default)]
struct State {
    does: Mutex<Option<Does>>,
    /// Questions that came, as JSON.
    questions: Mutex<Vec<Value>>,
    /// A line for each call.
    lines: Mutex<String>,
    open: Mutex<bool>,
    opened: Condvar,
}

/// The stand-in. It ends with the test's process.
pub struct Bedrock {
    pub url: String,
    state: Arc<State>,
}

impl Bedrock {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::<State>::default();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        Self { url, state }
    }

    pub fn does(&self, does: Does) {
        *self.state.does.lock().unwrap() = Some(does);
    }

    /// Lets go of those that wait.
    pub fn go(&self) {
        *self.state.open.lock().unwrap() = true;
        self.state.opened.notify_all();
    }

    pub fn questions(&self) -> Vec<Value> {
        self.state.questions.lock().unwrap().clone()
    }

    pub fn lines(&self) -> String {
        self.state.lines.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, state: &State) {
    let Some((head, body)) = read(&mut stream) else { return };
    let mut first = head.lines().next().unwrap_or_default().split(' ');
    let (method, path) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let path = path.replace("%3A", ":");
    let input: Value = serde_json::from_slice(&body).unwrap_or_default();
    let signed = |service: &str| head.contains(&format!("/{service}/aws4_request"));
    let (service, operation, answered) = if path.ends_with("/converse") && signed("bedrock") {
        state.questions.lock().unwrap().push(input.clone());
        let does = state.does.lock().unwrap().clone().expect("a question that no test expects");
        let Some(answered) = conversed(does, state, &mut stream) else { return };
        ("bedrock-runtime", "Converse", answered)
    } else if path.starts_with("/inference-profiles/") && signed("bedrock") {
        ("bedrock", "GetInferenceProfile", Answered::json(&profile()))
    } else if path.starts_with("/foundation-models/") && signed("bedrock") {
        ("bedrock", "GetFoundationModel", Answered::json(&model()))
    } else if input["ServiceCode"] == "AmazonBedrockFoundationModels" && signed("pricing") {
        ("pricing", "GetProducts", Answered::json(&prices()))
    } else {
        respond(&mut stream, &Answered::refused(403, "AccessDeniedException"));
        return;
    };
    // What is no answer of any service is judged by nobody.
    let status = if answered.judged { answered.status } else { 0 };
    let line = json!({
        "service": service, "operation": operation, "input": input, "method": method, "path": path,
        "query": {}, "status": status, "headers": {}, "body": answered.body,
    });
    writeln!(state.lines.lock().unwrap(), "{line}").unwrap();
    respond(&mut stream, &answered);
}

struct Answered {
    status: u16,
    code: Option<&'static str>,
    body: String,
    judged: bool,
}

impl Answered {
    fn json(value: &Value) -> Self {
        Self { status: 200, code: None, body: value.to_string(), judged: true }
    }

    fn refused(status: u16, code: &'static str) -> Self {
        let message =
            "User: arn:aws:iam::123456789012:user/s3cr3t is not authorized to perform that";
        let body = json!({"__type": code, "message": message}).to_string();
        Self { status, code: Some(code), body, judged: true }
    }
}

fn respond(stream: &mut TcpStream, answered: &Answered) {
    let Answered { status, code, body, .. } = answered;
    let code = code.map(|code| format!("x-amzn-errortype: {code}\r\n")).unwrap_or_default();
    let length = body.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\n{code}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
}

fn read(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 8192];
    let mut more = |bytes: &mut Vec<u8>| {
        let count = stream.read(&mut chunk).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&chunk[..count]);
        Some(())
    };
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        more(&mut bytes)?;
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
    });
    while bytes.len() < end + 4 + length.unwrap_or(0) {
        more(&mut bytes)?;
    }
    Some((head, bytes[end + 4..].to_vec()))
}

/// What a model answers. None where it never does.
fn conversed(does: Does, state: &State, stream: &mut TcpStream) -> Option<Answered> {
    let called = |input: Value| {
        let call = json!({"toolUseId": "tooluse_1", "name": "order_choices", "input": input});
        message("tool_use", &json!([{"toolUse": call}]))
    };
    Some(match does {
        Does::Calls(input) => called(input),
        Does::Ends(why, content) => message(why, &content),
        Does::Sends(body) => {
            Answered { status: 200, code: None, body: body.to_owned(), judged: false }
        }
        Does::Refuses(status, code) => Answered::refused(status, code),
        Does::Waits(input) => {
            let open = state.open.lock().unwrap();
            drop(state.opened.wait_while(open, |open| !*open).unwrap());
            called(input)
        }
        Does::Hangs => {
            // Until whoever asked is gone.
            let _ = stream.read(&mut [0]);
            return None;
        }
    })
}

fn message(why: &str, content: &Value) -> Answered {
    let (input, output) = TOKENS;
    Answered::json(&json!({
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": why,
        "usage": {"inputTokens": input, "outputTokens": output, "totalTokens": input + output},
        "metrics": {"latencyMs": 700},
    }))
}

fn profile() -> Value {
    let arn = |region: &str| json!({"modelArn": format!("arn:aws:bedrock:{region}::foundation-model/{MODEL}")});
    let id = format!("eu.{MODEL}");
    json!({
        "inferenceProfileName": "EU Anthropic Claude Haiku",
        "inferenceProfileArn": format!("arn:aws:bedrock:{REGION}:123456789012:inference-profile/{id}"),
        "inferenceProfileId": id, "status": "ACTIVE", "type": "SYSTEM_DEFINED",
        "models": [arn("eu-west-1"), arn("eu-central-1")],
    })
}

fn model() -> Value {
    json!({"modelDetails": {
        "modelArn": format!("arn:aws:bedrock:{REGION}::foundation-model/{MODEL}"),
        "modelId": MODEL, "modelName": "Claude Haiku 4.5", "providerName": "Anthropic",
    }})
}

/// Rows in the form that the price list has them.
fn prices() -> Value {
    let row = |counted: &str, what: &str, usd: &str| {
        json!({
            "product": {"attributes": {
                "regionCode": REGION, "servicename": "Claude Haiku 4.5 (Amazon Bedrock Edition)",
                "usagetype": format!("EU-MP:EUW1_{counted}-Units"), "locationType": "AWS Region",
            }},
            "terms": {"OnDemand": {"S.J": {"priceDimensions": {"S.J.6": {
                "unit": "Units", "pricePerUnit": {"USD": usd},
                "description": format!("AWS Marketplace software usage|{REGION}|Million {what}"),
            }}}}},
        })
        .to_string()
    };
    json!({"FormatVersion": "aws_v1", "PriceList": [
        row("InputTokenCount", "Input Tokens Regional CRIS", "1.1000000000"),
        row("OutputTokenCount", "Response Tokens Regional CRIS", "5.5000000000"),
        row("InputTokenCount_Global", "Input Tokens Global", "1.0000000000"),
        row("OutputTokenCount_Global", "Response Tokens Global", "5.0000000000"),
        row("CacheReadInputTokenCount", "Cache Read Input Tokens", "0.1100000000"),
    ]})
}
