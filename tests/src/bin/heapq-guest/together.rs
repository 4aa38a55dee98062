//! Collections of several processes with devices. Each participant is this program again, as `part`.

use crate::part::PICTURE;
use crate::problem::{Problem, equal};
use serde_json::{Value as Json, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A participant that is a process. It ends when nobody leads it any more.
struct Part {
    name: &'static str,
    child: Child,
    say: ChildStdin,
    hear: BufReader<ChildStdout>,
}

impl Part {
    fn start(name: &'static str) -> Result<Self, Problem> {
        let system = || Problem::system(format!("the {name}'s process"));
        let mut child = Command::new(std::env::current_exe().map_err(system())?)
            .arg("part")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(system())?;
        let (Some(say), Some(hear)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Problem::Wrong(format!("the {name} has no pipes")));
        };
        Ok(Self { name, child, say, hear: BufReader::new(hear) })
    }

    /// What came of a command, an error included.
    fn tries(&mut self, command: &Json) -> Result<Json, Problem> {
        let system = || Problem::system(format!("{}: {command}", self.name));
        let mut line = String::new();
        writeln!(self.say, "{command}").map_err(system())?;
        self.hear.read_line(&mut line).map_err(system())?;
        serde_json::from_str(&line).map_err(|error| system()(error.into()))
    }

    /// What came of a command, which must not be an error.
    fn does(&mut self, command: &Json) -> Result<Json, Problem> {
        let came = self.tries(command)?;
        match came.get("error") {
            Some(error) => Err(Problem::Wrong(format!("{}: {command}: {error}", self.name))),
            None => Ok(came),
        }
    }

    fn create(&mut self, says: &Json) -> Result<String, Problem> {
        let made = self.does(&json!({ "do": "create", "says": says }))?;
        Ok(made["token"].as_str().unwrap_or_default().to_owned())
    }

    fn join(&mut self, token: &str, mut says: Json) -> Result<(), Problem> {
        says["name"] = json!(self.name);
        self.does(&json!({ "do": "join", "token": token, "says": says }))?;
        self.ready()
    }

    fn ready(&mut self) -> Result<(), Problem> {
        self.does(&json!({ "do": "ready" })).map(drop)
    }

    fn told(&mut self, what: &Json) -> Result<Json, Problem> {
        let told = self.does(&json!({ "do": "wait" }))?;
        let all = what.as_object().into_iter().flatten();
        for (key, value) in all {
            equal(&format!("{} is told {told}; {key}", self.name), &told[key], value)?;
        }
        Ok(told)
    }

    /// Waits for buffers of this generation, and fetches them; their lease and their inodes.
    fn gets(&mut self, generation: u64) -> Result<(Json, Vec<Json>), Problem> {
        let lease = self.told(&json!({ "allocated": generation }))?["lease"].clone();
        let inodes = self.fetch(&lease)?;
        Ok((lease, inodes))
    }

    fn fetch(&mut self, lease: &Json) -> Result<Vec<Json>, Problem> {
        let inodes = self.does(&json!({ "do": "fetch", "lease": lease }))?;
        Ok(inodes.as_array().cloned().unwrap_or_default())
    }

    fn heap(&mut self) -> Result<Json, Problem> {
        Ok(self.does(&json!({ "do": "state" }))?["heap"].clone())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It is gone already, or has nothing to say.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A compositor with a display, a camera and an encoder, who have agreed.
struct Pipeline {
    compositor: Part,
    camera: Part,
    encoder: Part,
    token: String,
    lease: Json,
    inodes: Vec<Json>,
}

impl Pipeline {
    fn start(camera: &str, display: &str, migrate: bool) -> Result<Self, Problem> {
        let names = ["compositor", "camera", "encoder"];
        let [compositor, filmer, encoder] = names.map(Part::start);
        let (mut compositor, mut filmer, mut encoder) = (compositor?, filmer?, encoder?);
        let terms = json!({ "name": "compositor", "migrate": migrate, "ready-within": 60_000 });
        let token = compositor.create(&terms)?;
        let image = format();
        filmer.join(
            &token,
            json!({ "usage": ["capture"], "device": camera, "held": 4, "format": image }),
        )?;
        encoder.join(&token, json!({ "usage": ["cpu-read"], "held": 1 }))?;
        let shows = json!({
            "usage": ["scanout", "cpu-write"], "device": display, "held": 1, "format": image
        });
        compositor.does(&json!({ "do": "set", "says": shows }))?;
        compositor.ready()?;
        let (lease, inodes) = compositor.gets(1)?;
        for other in [&mut filmer, &mut encoder] {
            equal(other.name, &other.gets(1)?, &(lease.clone(), inodes.clone()))?;
        }
        Ok(Self { compositor, camera: filmer, encoder, token, lease, inodes })
    }

    fn late(&self, name: &'static str, says: Json) -> Result<Part, Problem> {
        let mut late = Part::start(name)?;
        late.join(&self.token, says)?;
        Ok(late)
    }

    fn recorder(&self) -> Result<Part, Problem> {
        let mut recorder = self.late("recorder", json!({ "usage": ["cpu-read"] }))?;
        let got = recorder.gets(1)?;
        equal("the recorder's buffers", &got, &(self.lease.clone(), self.inodes.clone()))?;
        Ok(recorder)
    }
}

fn format() -> Json {
    let fourcc = String::from_utf8_lossy(&PICTURE.fourcc).into_owned();
    json!([{ "fourcc": fourcc, "min-extent": [PICTURE.width, PICTURE.height] }])
}

/// A frame of `camera` as the encoder, a recorder that came late, and the screen of `display` see it.
/// With `mislaid`, they look at a buffer that the camera never saw.
pub(crate) fn film(camera: &str, display: &str, mislaid: bool) -> Result<String, Problem> {
    let mut all = Pipeline::start(camera, display, false)?;
    let mut recorder = all.recorder()?;
    all.compositor.does(&json!({ "do": "blank" }))?;
    let filled = all.camera.does(&json!({ "do": "film", "device": camera }))?;
    let other = all.inodes.len() - 1;
    let seen = if mislaid { json!(other) } else { filled };
    let look = json!({ "do": "look", "frame": seen });
    let picture = all.encoder.does(&look)?;
    equal("the recorder sees", &recorder.does(&look)?, &picture)?;
    let mut show = |frame: &Json| {
        all.compositor.does(&json!({ "do": "show", "device": display, "frame": frame }))
    };
    let sums = [show(&json!(other))?, show(&seen)?, show(&json!(other))?];
    if sums[0] == sums[1] || sums[0] != sums[2] {
        return Err(Problem::Wrong(format!("{display} shows {sums:?}")));
    }
    let (frames, heap) = (all.inodes.len(), all.compositor.heap()?);
    Ok(format!("4 processes share {frames} buffers of {heap}; {display} shows {}", sums[1]))
}

/// More buffers than a message carries, grown by one who came late, are the same for all.
pub(crate) fn many(camera: &str, display: &str) -> Result<String, Problem> {
    let mut all = Pipeline::start(camera, display, false)?;
    let mut recorder = all.recorder()?;
    recorder.does(&json!({ "do": "grow", "frames": 12 }))?;
    let (_, grown) = recorder.gets(1)?;
    equal("buffers", &grown.len(), &(all.inodes.len() + 12))?;
    equal("those of before", &grown.get(..all.inodes.len()), &Some(&all.inodes[..]))?;
    for other in [&mut all.compositor, &mut all.camera, &mut all.encoder] {
        equal(other.name, &other.gets(1)?.1, &grown)?;
    }
    Ok(format!("4 processes share {} buffers", grown.len()))
}

/// A second camera that cannot use what the first can moves all to other memory, and films there.
pub(crate) fn migrate(camera: &str, second: &str, display: &str) -> Result<String, Problem> {
    let mut all = Pipeline::start(camera, display, true)?;
    let before = all.compositor.heap()?;
    let says = json!({ "usage": ["capture"], "device": second, "format": format() });
    let mut newcomer = all.late("second camera", says)?;
    let (lease, inodes) = newcomer.gets(2)?;
    for old in [&mut all.compositor, &mut all.camera, &mut all.encoder] {
        old.told(&json!({ "superseded": 1 }))?;
        equal(old.name, &old.gets(2)?, &(lease.clone(), inodes.clone()))?;
    }
    if inodes.iter().any(|inode| all.inodes.contains(inode)) {
        return Err(Problem::Wrong(format!("{inodes:?} are not all new")));
    }
    all.compositor.does(&json!({ "do": "blank" }))?;
    let seen = newcomer.does(&json!({ "do": "film", "device": second }))?;
    all.encoder.does(&json!({ "do": "look", "frame": seen }))?;
    Ok(format!("from {before} to {}", newcomer.heap()?))
}

/// The creator is killed: all who were there from the start are told, and nothing is given out any
/// more. With `spared`, it is not.
pub(crate) fn orphaned(camera: &str, display: &str, spared: bool) -> Result<String, Problem> {
    let mut all = Pipeline::start(camera, display, false)?;
    if !spared {
        all.compositor.child.kill().map_err(Problem::system("killing the compositor"))?;
    }
    let lost = json!({ "failed": "collection", "verdict": "lost", "participants": ["compositor"] });
    for left in [&mut all.camera, &mut all.encoder] {
        left.told(&lost)?;
        let fetch = left.tries(&json!({ "do": "fetch", "lease": all.lease }))?;
        if fetch.get("error").is_none() {
            return Err(Problem::Wrong(format!("the {} still gets {fetch}", left.name)));
        }
    }
    Ok("all who were there are told".to_owned())
}
