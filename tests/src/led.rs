//! One participant of a collection as a process of its own: a line of JSON on standard input says
//! what to do, a line on standard output what came of it. What it fetches it keeps open to its end.

use heapq_constraints::value::{Node, Table, Value};
use heapq_dbus::client::{Client, Participation, Place, Told};
use rustix::fs::fstat;
use serde_json::{Value as Json, json};
use std::error::Error;
use std::io::{BufRead, stdin};
use std::os::fd::OwnedFd;
use std::time::Duration;
use tokio::time::timeout;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came of a command, or why nothing did.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Obeys the lines of standard input to their end. What is no command of a participant's own is done
/// by `devices`, with the buffers that were fetched last.
///
/// # Errors
/// No service there, or a line that is no JSON.
pub async fn serve(
    place: Place,
    devices: impl Fn(&[OwnedFd], &Json) -> Result<Json>,
) -> Result<()> {
    let client = Client::connect(place).await?;
    let mut led = Led { client, part: None, kept: Vec::new(), devices };
    // Whoever leads waits for each answer, so nothing happens while this one waits for a line.
    for line in stdin().lock().lines() {
        let command: Json = serde_json::from_str(&line?)?;
        let came = match timeout(PATIENCE, led.obey(&command)).await {
            Ok(Ok(came)) => came,
            Ok(Err(error)) => json!({ "error": error.to_string() }),
            Err(_) => json!({ "error": "in vain" }),
        };
        println!("{came}");
    }
    Ok(())
}

struct Led<D> {
    client: Client,
    part: Option<Participation>,
    /// What was fetched each time.
    kept: Vec<Vec<OwnedFd>>,
    devices: D,
}

impl<D: Fn(&[OwnedFd], &Json) -> Result<Json>> Led<D> {
    async fn obey(&mut self, command: &Json) -> Result<Json> {
        let number = |key: &str| {
            let number = command[key].as_u64();
            number.ok_or_else(|| format!("no {key}"))
        };
        match command["do"].as_str().unwrap_or_default() {
            "create" => {
                let (part, token) = self.client.create_collection(&table(&command["says"])).await?;
                self.part = Some(part);
                return Ok(json!({ "token": token }));
            }
            "join" => {
                let token = command["token"].as_str().unwrap_or_default();
                let says = table(&command["says"]);
                self.part = Some(self.client.join_collection(token, &says).await?);
            }
            "set" => self.part()?.set_constraints(&table(&command["says"])).await?,
            "ready" => self.part()?.ready().await?,
            "grow" => self.part()?.grow(u32::try_from(number("frames")?)?).await?,
            "shrink" => self.part()?.shrink(u32::try_from(number("frames")?)?).await?,
            "leave" => self.part.take().ok_or("no part")?.leave().await?,
            "wait" => return Ok(told(self.part()?.wait().await?)),
            "fetch" => return self.fetch(number("lease")?).await,
            "state" => {
                let state = self.part()?.state().await?;
                let waits_for: Vec<String> =
                    state.waits_for.iter().map(ToString::to_string).collect();
                return Ok(json!({
                    "phase": state.phase,
                    "waits-for": waits_for,
                    "count": state.count,
                    "heap": state.heap.as_deref(),
                }));
            }
            _ => return (self.devices)(self.kept.last().map_or(&[], Vec::as_slice), command),
        }
        Ok(json!({}))
    }

    fn part(&mut self) -> Result<&mut Participation> {
        Ok(self.part.as_mut().ok_or("no part")?)
    }

    async fn fetch(&mut self, lease: u64) -> Result<Json> {
        let buffers = self.part()?.buffers(lease).await?;
        let inodes: std::result::Result<Vec<u64>, _> =
            buffers.iter().map(|buffer| fstat(buffer).map(|stat| stat.st_ino)).collect();
        self.kept.push(buffers);
        Ok(json!(inodes?))
    }
}

fn told(told: Told) -> Json {
    match told {
        Told::Allocated { generation, lease } => json!({ "allocated": generation, "lease": lease }),
        Told::Superseded { generation } => json!({ "superseded": generation }),
        Told::Failed(failed) => {
            let participants: Vec<String> =
                failed.participants.iter().map(ToString::to_string).collect();
            json!({
                "failed": failed.of,
                "verdict": failed.verdict,
                "participants": participants,
                "conflicts": failed.conflicts,
            })
        }
    }
}

/// A participant, or a request, as a question has it.
#[must_use]
pub fn table(json: &Json) -> Table {
    let entries = json.as_object().into_iter().flatten();
    entries.map(|(key, json)| (key.clone(), value(json))).collect()
}

fn value(json: &Json) -> Value {
    match json {
        Json::Bool(bool) => Value::Bool(*bool),
        Json::Number(number) => {
            number.as_i64().map_or(Value::Unfit("a float"), |n| Value::Integer(n.into()))
        }
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(list) => Value::List(list.iter().map(|one| Node::new(value(one))).collect()),
        Json::Object(_) => Value::Table(table(json)),
        Json::Null => Value::Unfit("null"),
    }
}
