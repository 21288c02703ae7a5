//! Files that grow in every way, and what can stand in them.

use std::cell::Cell;
use std::io;
use std::path::Path;

use super::super::file::read_on;
use super::super::lines::{Partial, ReadAt};
use super::super::testing::{Desk, Planted, holds_unless, now};
use super::super::{Limits, Position};

#[test]
fn half_a_line_is_kept_back_until_it_is_whole() {
    holds_unless(&[Planted::OffsetBySize], |planted| {
        let mut desk = Desk::new(planted);
        let whole = "{\"first\":1}\n";
        desk.append("p/a.jsonl", format!("{whole}{{\"sec"));
        // three seconds in which nothing comes
        for _ in 0..3 {
            desk.read_all();
            desk.expect(&["{\"first\":1}"])?;
            if desk.kept["p/a.jsonl"].offset != whole.len() as u64 {
                return Err("the position is behind the last newline".to_owned());
            }
        }
        desk.append("p/a.jsonl", "ond\":2}\n");
        desk.read_all();
        desk.expect(&["{\"first\":1}", "{\"second\":2}"])
    });
}

thread_local! {
    static GREW: Cell<u32> = const { Cell::new(0) };
    static GROWTHS: Cell<u32> = const { Cell::new(0) };
}

/// Ends the half line and begins another.
fn grow(path: &Path) {
    use std::io::Write as _;
    let times = GREW.get();
    if times < GROWTHS.get() {
        GREW.set(times + 1);
        let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
        write!(file, "-{times}\nline").unwrap();
    }
}

#[test]
fn a_file_that_grows_between_a_look_and_the_read_gives_every_line_once() {
    holds_unless(&[Planted::OffsetBySize], |planted| {
        GREW.set(0);
        GROWTHS.set(if planted == Planted::Nothing { 10_000 } else { 100 });
        let mut desk = Desk::new(planted);
        desk.append("p/a.jsonl", "line");
        desk.tail.before_read = Some(grow);
        while GREW.get() < GROWTHS.get() {
            desk.read_all();
        }
        desk.append("p/a.jsonl", "-end\n");
        desk.read_all();
        let mut lines: Vec<String> = (0..GROWTHS.get()).map(|number| format!("line-{number}")).collect();
        lines.push("line-end".to_owned());
        if desk.delivered == lines { Ok(()) } else { Err(format!("{} lines", desk.delivered.len())) }
    });
}

const CHARACTERS: &str = "{\"text\":\"é你🍵ü\"}\n{\"x\":\"🍵🍵\"}\n";

fn whole_characters(lines: &[String]) -> Result<(), String> {
    let expected: Vec<&str> = CHARACTERS.lines().collect();
    if lines == expected { Ok(()) } else { Err(format!("{lines:?}")) }
}

#[test]
fn a_character_is_whole_whatever_boundary_parts_its_bytes() {
    for boundary in 1..CHARACTERS.len() {
        // of what is read at once
        let mut desk =
            Desk::with_limits(Planted::Nothing, Limits { chunk: boundary, line: 100, search: 2 * boundary });
        desk.append("p/a.jsonl", CHARACTERS);
        desk.read_all();
        whole_characters(&desk.delivered).unwrap_or_else(|error| panic!("reading {boundary}: {error}"));
        // of what was written at once
        let mut desk = Desk::new(Planted::Nothing);
        let (first, second) = CHARACTERS.as_bytes().split_at(boundary);
        for part in [first, second] {
            desk.append("p/a.jsonl", part);
            desk.read_all();
        }
        whole_characters(&desk.delivered).unwrap_or_else(|error| panic!("writing {boundary}: {error}"));
    }
    let decoded_in_pieces = |boundary: usize| -> Vec<String> {
        let pieces = CHARACTERS.as_bytes().chunks(boundary);
        let text: String = pieces.map(String::from_utf8_lossy).collect();
        text.lines().map(str::to_owned).collect()
    };
    let noticed =
        (1..CHARACTERS.len()).any(|boundary| whole_characters(&decoded_in_pieces(boundary)).is_err());
    assert!(noticed, "decoding before the line is whole was not found");
}

/// A file that is not there: lines of these lengths, and the largest buffer that anyone asked to have filled.
struct LongLines {
    lines: Vec<u64>,
    largest: Cell<usize>,
}

impl LongLines {
    fn size(&self) -> u64 {
        self.lines.iter().map(|line| line + 1).sum()
    }
}

impl ReadAt for LongLines {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.largest.set(self.largest.get().max(buffer.len()));
        let read = usize::try_from(self.size().saturating_sub(offset)).unwrap().min(buffer.len());
        buffer[..read].fill(b'x');
        let mut end = 0;
        for line in &self.lines {
            end += line + 1;
            if let Some(at) = (end - 1).checked_sub(offset).filter(|at| *at < read as u64) {
                buffer[usize::try_from(at).unwrap()] = b'\n';
            }
        }
        Ok(read)
    }
}

/// The lengths of the lines that come, how many were too long, and where reading ends.
fn read_long(source: &LongLines, limits: Limits) -> (Vec<usize>, u64, u64) {
    let (mut position, mut partial) = (Position::default(), Partial::default());
    let (mut lengths, mut too_long) = (Vec::new(), 0);
    for _ in 0..1000 {
        let size = source.size();
        let (chunk, after) =
            read_on(source, size, &position, &mut partial, limits, &mut Vec::new()).unwrap().unwrap();
        lengths.extend(chunk.lines().map(|(_, line)| line.len()));
        too_long += chunk.too_long;
        position = after;
        if !chunk.more {
            break;
        }
    }
    (lengths, too_long, position.offset)
}

const MIB: u64 = 1 << 20;

/// What a chunk and what is known before it take.
fn takes_little(source: &LongLines) -> Result<(), String> {
    let most = Limits::default().chunk + 8192;
    if source.largest.get() <= most { Ok(()) } else { Err(format!("{} bytes", source.largest.get())) }
}

#[test]
fn a_line_over_the_limit_is_passed_over_in_little_memory() {
    let source = LongLines { lines: vec![10, 64 * MIB, 20], largest: Cell::new(0) };
    assert_eq!(read_long(&source, Limits::default()), (vec![10, 20], 1, source.size()));
    takes_little(&source).unwrap();

    let all = LongLines { lines: vec![9 * MIB, 64 * MIB, 8 * MIB + 1], largest: Cell::new(0) };
    assert_eq!(read_long(&all, Limits::default()), (vec![], 3, all.size()));
    takes_little(&all).unwrap();

    let without_limit = LongLines { lines: vec![10, 64 * MIB, 20], largest: Cell::new(0) };
    read_long(&without_limit, Limits { line: usize::MAX - 1, ..Limits::default() });
    assert!(takes_little(&without_limit).is_err(), "a reader that keeps the whole line was not found");
}

#[test]
fn the_longest_line_that_is_kept_is_given_out_whole() {
    let source = LongLines { lines: vec![10, 8 * MIB, 20], largest: Cell::new(0) };
    let longest = usize::try_from(8 * MIB).unwrap();
    assert_eq!(read_long(&source, Limits::default()), (vec![10, longest, 20], 0, source.size()));
}

#[test]
fn a_run_of_nul_bytes_is_passed_over_and_counted() {
    holds_unless(&[Planted::WaitsAtNul], |planted| {
        let mut desk = Desk::new(planted);
        desk.append("p/a.jsonl", "before\n");
        desk.append("p/a.jsonl", [0; 5000]);
        desk.read_all();
        desk.expect(&["before"])?;
        desk.append("p/a.jsonl", "after\n\0\0\0\nlater\nend\0\0\n");
        desk.read_all();
        desk.expect(&["before", "after", "later", "end"])?;
        if desk.nul_runs == 3 { Ok(()) } else { Err(format!("{} runs were counted", desk.nul_runs)) }
    });
}

/// What a crashed machine leaves is a file that was given its length and no data.
#[test]
fn a_hole_at_the_end_of_a_file_holds_up_nothing_that_comes_later() {
    let mut desk = Desk::new(Planted::Nothing);
    desk.append("p/a.jsonl", "before\n");
    std::fs::OpenOptions::new().write(true).open(desk.path("p/a.jsonl")).unwrap().set_len(20 * MIB).unwrap();
    for _ in 0..3 {
        desk.read_all();
    }
    let searched = desk.tail.touched().read;
    desk.tail.scan(now());
    desk.drain();
    assert!(desk.tail.touched().read <= searched + 1, "an unchanged hole is looked through again and again");
    desk.append("p/a.jsonl", "after\n");
    desk.read_all();
    desk.expect(&["before", "after"]).unwrap();
    assert_eq!(desk.nul_runs, 1);
}
