//! Transcripts of months, made at the speed of writing: the kinds of records of real ones in their shares, lines from
//! half a kilobyte to two hundred, each length as likely as its half.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use vibetea_protocol::Timestamp;

use crate::dice::Dice;
use crate::oracle::Natural;

/// What was written.
#[derive(Debug, Default)]
pub struct History {
    /// Bytes of all files.
    pub bytes: u64,
    /// Lines of all files.
    pub lines: u64,
    /// What must come of them.
    pub expected: BTreeMap<Natural, Timestamp>,
}

/// Bytes of the shortest line and the longest.
const LENGTHS: (f64, f64) = (500.0, 200_000.0);
/// Between two records of a file, in microseconds.
const STEP: i64 = 2_000_000;

/// A piece of what tools put out, as it stands in JSON: words, line ends, quotes, indentation, some other letters.
const PIECES: &[&str] = &[
    r"    let position = self.files.get(path).map(|tracked| &tracked.position);\n",
    r#"        return Err(Error::new(ErrorKind::NotFound, \"no such file\"));\n"#,
    r#"\t\tif (user.name === \"admin\" && count > 0) { console.log('ok'); }\n"#,
    r#"   142→    assert_eq!(outcome.requests, 3, \"{outcome:?}\");\n"#,
    r"Die Größe der Datei überschreitet die Grenze – bitte prüfen.\n",
    r"drwxr-xr-x  5 dev dev  4096 Sep 12 09:31 node_modules\n",
    r"The function returns early when the list is empty, so the loop below never runs in that case.\n",
    r"+++ b/src/components/Übersicht.tsx\n@@ -12,7 +12,9 @@ export function List({ items }) {\n",
    r"C:\\Users\\dev\\projects\\shop\\src\\index.ts:42:17 - error TS2345\n",
    r"\n\n",
];

impl History {
    /// Writes so many files with about so many bytes together below a `projects` folder; their records end at `until`.
    pub fn write(
        projects: &Path,
        files: u32,
        bytes: u64,
        until: Timestamp,
        seed: u64,
    ) -> std::io::Result<Self> {
        let mut history = Self::default();
        let mut dice = Dice::from_seed(seed);
        for number in 0..files {
            let folder = projects.join(format!("-home-dev-shop{}", number % 12));
            std::fs::create_dir_all(&folder)?;
            let share = bytes * u64::from(number + 1) / u64::from(files) - history.bytes;
            let mut session = Records::new(number, until, share);
            // a record at a time, as agents write: so lie transcripts in the system's memory, in small pieces
            let mut file = std::fs::File::create(folder.join(format!("{}.jsonl", session.id)))?;
            let mut written = 0;
            while written < share {
                session.write_line(&mut dice, &mut history.expected);
                file.write_all(session.line.as_bytes())?;
                written += session.line.len() as u64;
                history.lines += 1;
            }
            history.bytes += written;
        }
        Ok(history)
    }
}

/// One session's records, one after the other.
struct Records {
    id: String,
    number: u32,
    place: u32,
    at: i64,
    open_call: Option<String>,
    line: String,
}

impl Records {
    fn new(number: u32, until: Timestamp, bytes: u64) -> Self {
        // a line is some 33 KB on average; more than that many steps lie before the end
        let lines = i64::try_from(bytes / 10_000 + 10).unwrap_or(i64::MAX);
        let id = format!("{number:08x}-7ea1-4000-8000-000000000000");
        let at = until.as_micros() - lines * STEP * 4;
        Self { id, number, place: 0, at, open_call: None, line: String::new() }
    }

    /// Puts the next record into `line`, newline included.
    fn write_line(&mut self, dice: &mut Dice, expected: &mut BTreeMap<Natural, Timestamp>) {
        self.at += STEP;
        let at = Timestamp::from_micros(self.at).expect("a time of this century");
        let uuid = format!("{:08x}-7ea2-4000-8000-0000{:08x}", self.number, self.place);
        let length = length(dice);
        self.place += 1;
        self.line.clear();
        let line = &mut self.line;
        if self.place == 1 {
            expected.insert(Natural::SessionStarted(self.id.clone()), at);
            expected.insert(Natural::Activity(uuid.clone()), at);
            envelope(line, &self.id, &uuid, at, "user");
            line.push_str(r#""message":{"role":"user","content":""#);
            fill(line, length, dice);
            line.push_str("\"}}\n");
            return;
        }
        if let Some(call) = self.open_call.take() {
            expected.insert(Natural::ToolCompleted(call.clone()), at);
            envelope(line, &self.id, &uuid, at, "user");
            let _ = write!(
                line,
                r#""message":{{"role":"user","content":[{{"tool_use_id":"{call}","type":"tool_result","content":""#
            );
            fill(line, length / 2, dice);
            line.push_str(r#""}]},"toolUseResult":{"stdout":""#);
            fill(line, length / 2, dice);
            line.push_str(r#"","stderr":"","interrupted":false,"isImage":false}}"#);
            line.push('\n');
            return;
        }
        match dice.below(100) {
            0..45 => {
                let call = format!("toolu_{:08x}{:08x}", self.number, self.place);
                expected.insert(Natural::ToolStarted(call.clone()), at);
                envelope(line, &self.id, &uuid, at, "assistant");
                let _ = write!(
                    line,
                    r#""message":{{"id":"msg_{uuid}","role":"assistant","model":"m","content":[{{"type":"tool_use","id":"{call}","name":"Edit","input":{{"file_path":"/home/dev/shop/src/part{}.rs","old_string":""#,
                    self.place % 97
                );
                fill(line, length, dice);
                line.push_str("\"}}],\"usage\":{\"input_tokens\":3,\"output_tokens\":211}}}\n");
                self.open_call = Some(call);
            }
            45..75 => {
                envelope(line, &self.id, &uuid, at, "assistant");
                let kind = if self.place.is_multiple_of(3) { "thinking" } else { "text" };
                let _ = write!(
                    line,
                    r#""message":{{"id":"msg_{uuid}","role":"assistant","model":"m","content":[{{"type":"{kind}","{kind}":""#
                );
                fill(line, length, dice);
                line.push_str("\"}]}}\n");
            }
            75..94 => {
                envelope(line, &self.id, &uuid, at, "progress");
                line.push_str(r#""data":{"type":"bash_progress","output":""#);
                fill(line, length, dice);
                line.push_str("\",\"elapsedTimeSeconds\":3},\"toolUseID\":\"bash-progress-1\"}\n");
            }
            94..97 => {
                envelope(line, &self.id, &uuid, at, "system");
                line.push_str("\"subtype\":\"turn_duration\",\"durationMs\":5321,\"isMeta\":false}\n");
            }
            _ => {
                line.push_str(r#"{"type":"file-history-snapshot","messageId":""#);
                line.push_str(&uuid);
                line.push_str(r#"","snapshot":{"trackedFileBackups":{"/home/dev/shop/a.rs":{"content":""#);
                fill(line, length, dice);
                line.push_str("\"}}},\"isSnapshotUpdate\":false}\n");
            }
        }
    }
}

fn envelope(line: &mut String, session: &str, uuid: &str, at: Timestamp, kind: &str) {
    let _ = write!(
        line,
        r#"{{"parentUuid":null,"isSidechain":false,"userType":"external","cwd":"/home/dev/shop","sessionId":"{session}","version":"2.1.30","gitBranch":"main","type":"{kind}","uuid":"{uuid}","timestamp":"{at}","#
    );
}

/// Each length as likely as its half.
fn length(dice: &mut Dice) -> usize {
    let share = f64::from(u32::try_from(dice.below(1 << 20)).unwrap_or(0)) / f64::from(1 << 20);
    let (least, most) = LENGTHS;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between the two lengths")]
    let length = (least * (most / least).powf(share)) as usize;
    length
}

fn fill(line: &mut String, length: usize, dice: &mut Dice) {
    let end = line.len() + length;
    while line.len() < end {
        let piece: &&str = dice.pick(PIECES);
        line.push_str(piece);
    }
}
