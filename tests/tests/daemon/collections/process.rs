//! A participant that is a process.

use serde_json::{Value as Json, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub(super) struct Process {
    child: Child,
    say: ChildStdin,
    hear: BufReader<ChildStdout>,
}

impl Process {
    /// A client of the service at a bus's address or a socket's path.
    pub(super) fn start(place: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_heapq-participant"))
            .arg(place)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (say, hear) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, say, hear: BufReader::new(hear) }
    }

    /// What came of a command, an error included.
    pub(super) fn tries(&mut self, command: Json) -> Json {
        writeln!(self.say, "{command}").unwrap();
        let mut line = String::new();
        self.hear.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{command}: it ended"))
    }

    /// What came of a command, which must not be an error.
    pub(super) fn does(&mut self, command: Json) -> Json {
        let came = self.tries(command.clone());
        assert!(came.get("error").is_none(), "{command}: {came}");
        came
    }

    pub(super) fn create(&mut self, says: Json) -> String {
        let made = self.does(json!({ "do": "create", "says": says }));
        made["token"].as_str().unwrap().to_owned()
    }

    pub(super) fn join(&mut self, token: &str, says: Json) {
        self.does(json!({ "do": "join", "token": token, "says": says }));
    }

    pub(super) fn ready(&mut self) {
        self.does(json!({ "do": "ready" }));
    }

    pub(super) fn wait(&mut self) -> Json {
        self.does(json!({ "do": "wait" }))
    }

    /// Waits for buffers of this generation; their lease.
    pub(super) fn allocated(&mut self, generation: u64) -> u64 {
        let told = self.wait();
        assert_eq!(told["allocated"], generation, "{told}");
        told["lease"].as_u64().unwrap()
    }

    /// The inodes of all buffers of a lease.
    pub(super) fn fetch(&mut self, lease: u64) -> Vec<u64> {
        serde_json::from_value(self.does(json!({ "do": "fetch", "lease": lease }))).unwrap()
    }

    pub(super) fn state(&mut self) -> Json {
        self.does(json!({ "do": "state" }))
    }

    /// Ends it without a word.
    pub(super) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
