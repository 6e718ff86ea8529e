//! A registry that lies, is slow, or never ends: answers by a function, one thread for each connection.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Came {
    /// Path and query.
    pub path: String,
    pub authorization: Option<String>,
}

/// What is answered.
pub struct Says {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Waited for before anything is sent.
    pub after: Duration,
    /// Whether the body goes on without end.
    pub endless: bool,
}

pub fn says(status: u16, body: impl Into<Vec<u8>>) -> Says {
    Says { status, headers: Vec::new(), body: body.into(), after: Duration::ZERO, endless: false }
}

impl Says {
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// The stand-in. Its threads end with the test's process.
pub struct Standin {
    pub host: String,
    came: Arc<Mutex<Vec<Came>>>,
}

impl Standin {
    /// Answers what `answer` makes of a request and the own address.
    pub fn start(answer: impl Fn(&str, &Came) -> Says + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let came: Arc<Mutex<Vec<Came>>> = Arc::default();
        let (answer, own, kept) = (Arc::new(answer), host.clone(), Arc::clone(&came));
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (answer, own, kept) = (Arc::clone(&answer), own.clone(), Arc::clone(&kept));
                std::thread::spawn(move || serve(connection, &kept, |came| answer(&own, came)));
            }
        });
        Self { host, came }
    }

    pub fn image(&self, name: &str) -> mcc_catalogs::ImageUri {
        format!("{}/{name}", self.host).parse().unwrap()
    }

    /// What came so far.
    pub fn came(&self) -> Vec<Came> {
        self.came.lock().unwrap().clone()
    }
}

/// One request, and the connection is closed.
fn serve(connection: TcpStream, kept: &Mutex<Vec<Came>>, answer: impl Fn(&Came) -> Says) {
    let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
    let Some(Ok(first)) = lines.next() else { return };
    let mut came =
        Came { path: first.split(' ').nth(1).unwrap_or_default().to_owned(), authorization: None };
    for line in lines.map_while(Result::ok).take_while(|line| !line.is_empty()) {
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("authorization")
        {
            came.authorization = Some(value.to_owned());
        }
    }
    kept.lock().unwrap().push(came.clone());
    let says = answer(&came);
    std::thread::sleep(says.after);
    let mut text = format!("HTTP/1.1 {} X\r\nConnection: close\r\n", says.status);
    if !says.endless {
        text.push_str(&format!("Content-Length: {}\r\n", says.body.len()));
    }
    for (name, value) in &says.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    let mut to = &connection;
    // Who has heard enough hangs up.
    let _ = to.write_all(text.as_bytes());
    let _ = to.write_all(&says.body);
    while says.endless && to.write_all(&[b' '; 8192]).is_ok() {}
}
