//! Bytes to complete lines, in bounded memory. What stands after the last newline is never given out.

use std::io;
use std::ops::Range;

/// Bytes that can be read at any place, as a file's.
pub(super) trait ReadAt {
    /// Fills the buffer from `offset` on; the number of bytes is smaller than the buffer only at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

/// How much is taken at once.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes that one chunk reads, unless a single line is longer. Where it ends is checked, kept and checked again.
    pub chunk: usize,
    /// The longest line that is kept; longer ones are passed over and counted.
    pub line: usize,
    /// Bytes that are searched for the end of one long line before others have their turn.
    pub search: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { chunk: 4 << 20, line: 8 << 20, search: 16 << 20 }
    }
}

/// What is read beyond the end that was seen, as files grow meanwhile.
const SLACK: usize = 4096;

impl Limits {
    /// Limits for a file in which so much seems to be unread.
    pub(super) fn part(self, unread: u64) -> Self {
        let unread = usize::try_from(unread).unwrap_or(usize::MAX).saturating_add(SLACK);
        Self { chunk: self.chunk.min(unread), ..self }
    }
}

/// How much of the bytes before a position is hashed to know the position again.
pub(super) const TAIL_BYTES: usize = 1024;

/// A line without its end, as bytes of its chunk's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it begins in the file.
    pub start: u64,
    range: Range<usize>,
}

/// Some complete lines that stand one after the other.
#[derive(Debug, Default)]
pub struct Chunk {
    text: Vec<u8>,
    lines: Vec<Line>,
    /// End of the last complete line.
    pub end: u64,
    /// Lines over the limit that were passed over.
    pub too_long: u64,
    /// Runs of NUL bytes that were passed over.
    pub nul_runs: u64,
    /// Whether the file may hold more now.
    pub more: bool,
    /// Where the first newline stands, of a chunk that begins at 0.
    pub(super) first_newline: Option<u64>,
    /// Up to [`TAIL_BYTES`] before `end`.
    pub(super) tail: Vec<u8>,
}

impl Chunk {
    /// The lines with where they begin; none is blank.
    pub fn lines(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.lines.iter().map(|line| (line.start, &self.text[line.range.clone()]))
    }

    /// Number of lines.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is no line in it, though `end` may have moved.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Takes the whole lines in `range` of the buffer, which begin at byte `start` of the file; there may be anything
    /// behind them. A crash of the machine can leave NUL bytes where data should be: they part a line, as no JSON has
    /// them.
    fn take(&mut self, text: Vec<u8>, range: Range<usize>, start: u64) {
        debug_assert!(self.text.is_empty());
        let mut from = range.start;
        while let Some(found) = memchr::memchr2(b'\n', 0, &text[from..range.end]) {
            let at = from + found;
            let nul = text[at..range.end].iter().take_while(|byte| **byte == 0).count();
            let part = &text[from..at];
            if !part.trim_ascii().is_empty() {
                let end = if nul == 0 && part.ends_with(b"\r") { at - 1 } else { at };
                self.lines.push(Line { start: start + (from - range.start) as u64, range: from..end });
            }
            self.nul_runs += u64::from(nul > 0);
            from = at + nul.max(1);
        }
        self.tail = text[range.end.saturating_sub(TAIL_BYTES)..range.end].to_vec();
        self.text = text;
    }

    /// Hands back the buffer, which is of use for the next chunk: memory from the system costs more than reading.
    pub(super) fn recycle(self, spare: &mut Vec<u8>, limits: Limits) {
        if (spare.len()..=limits.chunk + TAIL_BYTES).contains(&self.text.len()) {
            *spare = self.text;
        }
    }
}

/// How far a half line that fills a chunk has been searched for its end, so that no byte is searched twice.
/// Shorter ones are read anew each time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Partial {
    /// Bytes after the position that hold no newline.
    searched: u64,
    /// How many of them are NUL bytes in front.
    nul: u64,
    /// Hashes of the first and the last of them, by which they are known again.
    ends: [i64; 2],
}

impl Partial {
    fn saw(&mut self, bytes: &[u8]) {
        if self.nul == self.searched {
            self.nul += bytes.iter().take_while(|byte| **byte == 0).count() as u64;
        }
        self.searched += bytes.len() as u64;
    }

    fn ends_in(&self, source: &impl ReadAt, offset: u64) -> io::Result<[i64; 2]> {
        let len = self.searched.min(TAIL_BYTES as u64);
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(TAIL_BYTES)];
        let mut ends = [0; 2];
        for (end, from) in ends.iter_mut().zip([offset, offset + self.searched - len]) {
            let read = source.read_at(&mut bytes, from)?;
            *end = hash(&bytes[..read]);
        }
        Ok(ends)
    }

    /// Begins anew where the half line is not the one that was searched.
    fn recognise(&mut self, source: &impl ReadAt, offset: u64) -> io::Result<()> {
        if self.searched > 0 && self.ends_in(source, offset)? != self.ends {
            *self = Self::default();
        }
        Ok(())
    }
}

/// A checksum to know bytes again by.
pub(super) fn hash(bytes: &[u8]) -> i64 {
    let mut first = [0; 8];
    first.copy_from_slice(&blake3::hash(bytes).as_bytes()[..8]);
    i64::from_le_bytes(first)
}

/// The next lines after `offset`; `check` is shown the `known` bytes before it, read together with the lines,
/// and `None` means it did not know them: this is not the file that was read before. `spare` is a buffer to read into,
/// with anything in it.
pub(super) fn read_chunk(
    source: &impl ReadAt,
    offset: u64,
    known: usize,
    check: impl Fn(&[u8]) -> bool,
    partial: &mut Partial,
    limits: Limits,
    spare: &mut Vec<u8>,
) -> io::Result<Option<Chunk>> {
    let mut chunk = Chunk { end: offset, ..Chunk::default() };
    partial.recognise(source, offset)?;
    if partial.searched == 0 {
        let wanted = known + limits.chunk;
        if spare.len() < wanted {
            spare.resize(wanted, 0);
        }
        let read = source.read_at(&mut spare[..wanted], offset.saturating_sub(known as u64))?;
        if read < known || !check(&spare[..known]) {
            return Ok(None);
        }
        let full = read == wanted;
        if let Some(last) = memchr::memrchr(b'\n', &spare[known..read]) {
            let end = known + last + 1;
            chunk.first_newline =
                (offset == 0).then(|| memchr::memchr(b'\n', spare).unwrap_or_default() as u64);
            chunk.more = full;
            chunk.end = offset + (last + 1) as u64;
            chunk.take(std::mem::take(spare), known..end, offset);
            return Ok(Some(chunk));
        }
        if !full {
            return Ok(Some(chunk));
        }
        partial.saw(&spare[known..read]);
    }
    let end = match find_end(source, offset, partial, limits)? {
        Found::Newline(end) => end,
        Found::Nothing { more } => {
            // the bytes before the position still have to be those of the file that was read
            let mut before = vec![0; known];
            let read = source.read_at(&mut before, offset.saturating_sub(known as u64))?;
            chunk.more = more;
            partial.ends = partial.ends_in(source, offset)?;
            return Ok((read == known && check(&before)).then_some(chunk));
        }
    };
    take_long_line(source, (offset, end), known, check, partial, limits, chunk)
}

enum Found {
    /// The offset after the newline.
    Newline(u64),
    Nothing {
        more: bool,
    },
}

/// Looks on for the end of the half line, keeping nothing of it.
fn find_end(source: &impl ReadAt, offset: u64, partial: &mut Partial, limits: Limits) -> io::Result<Found> {
    let mut piece = vec![0; limits.chunk];
    for _ in 0..limits.search.div_ceil(limits.chunk) {
        let from = offset + partial.searched;
        let read = source.read_at(&mut piece, from)?;
        if let Some(newline) = memchr::memchr(b'\n', &piece[..read]) {
            partial.saw(&piece[..newline]);
            return Ok(Found::Newline(from + newline as u64 + 1));
        }
        partial.saw(&piece[..read]);
        if read < piece.len() {
            return Ok(Found::Nothing { more: false });
        }
    }
    Ok(Found::Nothing { more: true })
}

/// Reads one line whose end is known by now, or passes it over.
fn take_long_line(
    source: &impl ReadAt,
    (offset, end): (u64, u64),
    known: usize,
    check: impl Fn(&[u8]) -> bool,
    partial: &mut Partial,
    limits: Limits,
    mut chunk: Chunk,
) -> io::Result<Option<Chunk>> {
    let from = offset.saturating_sub(known as u64);
    let mut before = vec![0; known];
    if source.read_at(&mut before, from)? < known || !check(&before) {
        return Ok(None);
    }
    let nul = std::mem::take(partial).nul;
    let start = offset + nul;
    let too_long = end - start > limits.line as u64 + 1;
    if too_long && !is_one_line(source, offset, end, limits)? {
        // it became shorter and longer again between two looks
        chunk.more = true;
        return Ok(Some(chunk));
    }
    chunk.first_newline = (offset == 0).then(|| end - 1);
    chunk.nul_runs += u64::from(nul > 0);
    let read_from = if too_long { end - (end - offset).min(TAIL_BYTES as u64) } else { start };
    let mut text = vec![0; usize::try_from(end - read_from).unwrap_or(usize::MAX)];
    if source.read_at(&mut text, read_from)? < text.len() || !text.ends_with(b"\n") {
        return Ok(None);
    }
    if too_long {
        chunk.too_long = 1;
        chunk.tail = text;
    } else {
        let all = 0..text.len();
        chunk.take(text, all, start);
    }
    chunk.end = end;
    chunk.more = true;
    Ok(Some(chunk))
}

/// Whether the only newline is the last byte before `end`.
fn is_one_line(source: &impl ReadAt, offset: u64, end: u64, limits: Limits) -> io::Result<bool> {
    let mut piece = vec![0; limits.chunk];
    let mut at = offset;
    while at < end {
        let wanted = usize::try_from(end - at).map_or(limits.chunk, |left| left.min(limits.chunk));
        let read = source.read_at(&mut piece[..wanted], at)?;
        match memchr::memchr(b'\n', &piece[..read]) {
            Some(newline) => return Ok(at + newline as u64 + 1 == end),
            None if read < wanted => return Ok(false),
            None => at += read as u64,
        }
    }
    Ok(false)
}
