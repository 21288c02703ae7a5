//! One followed file: opening it without surprises, knowing it again, reading on.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::ops::Range;
use std::path::Path;

pub(super) use super::lines::ReadAt;
use super::lines::{Chunk, Limits, Partial, TAIL_BYTES, hash, read_chunk};

const HEAD_BYTES: u64 = 4096;

/// What a look at a file shows without opening it: hints that it changed, never proof that it did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stat {
    /// Device, 0 where the system has none.
    pub device: u64,
    /// Inode, 0 where the system has none; may be used again for another file.
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// Last change, nanoseconds since 1970.
    pub modified: i64,
}

impl Stat {
    /// Of a file's metadata.
    pub fn of(metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok().and_then(|time| {
            let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
            i64::try_from(since.as_nanos()).ok()
        });
        let (device, inode) = place(metadata);
        Self { device, inode, size: metadata.len(), modified: modified.unwrap_or(0) }
    }

    /// Whether both are at the same place on the same device.
    pub fn same_place(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

#[cfg(unix)]
fn place(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn place(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

/// How far a file has been read, and by what it is known again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Position {
    /// Counts how often the path turned out to hold another file.
    pub generation: i64,
    /// End of the last complete line.
    pub offset: u64,
    /// Length of the first complete line with its end, 0 while there is none.
    pub head_len: u64,
    /// Hash of that line's first 4 KiB.
    pub head: i64,
    /// How many bytes before `offset` are hashed in `tail`.
    pub tail_len: u64,
    /// Hash of the bytes before `offset`.
    pub tail: i64,
    /// The file when everything before `offset` had been read and nothing complete was left; all 0 before that.
    pub stat: Stat,
}

impl Position {
    /// The beginning of another file at the same path.
    pub(super) fn next_generation(&self) -> Self {
        Self { generation: self.generation + 1, ..Self::default() }
    }

    fn know_head(&mut self, source: &impl ReadAt, first_newline: u64) -> io::Result<()> {
        self.head_len = first_newline + 1;
        let hashed = head(source, self.head_len)?;
        self.head = hashed.unwrap_or_default();
        Ok(())
    }

    fn know_tail(&mut self, tail: &[u8]) {
        self.tail_len = tail.len() as u64;
        self.tail = hash(tail);
    }
}

/// Hash of the beginning of a first line of `len` bytes; `None` where the file is shorter.
fn head(source: &impl ReadAt, len: u64) -> io::Result<Option<i64>> {
    let mut bytes = vec![0; usize::try_from(len.min(HEAD_BYTES)).unwrap_or_default()];
    let read = source.read_at(&mut bytes, 0)?;
    Ok((read == bytes.len()).then(|| hash(&bytes)))
}

/// Reads on after `position`; `None` when the file is not the one that the position is of. `size` is the file's as
/// it was seen last: a guess that saves memory, no more.
///
/// Size and time are no part of the question: the bytes at the beginning and before the position answer it.
pub(super) fn read_on(
    source: &impl ReadAt,
    size: u64,
    position: &Position,
    partial: &mut Partial,
    limits: Limits,
    spare: &mut Vec<u8>,
) -> io::Result<Option<(Chunk, Position)>> {
    if position.head_len > 0 && head(source, position.head_len)? != Some(position.head) {
        return Ok(None);
    }
    let known = usize::try_from(position.tail_len).map_or(TAIL_BYTES, |len| len.min(TAIL_BYTES));
    let check = |bytes: &[u8]| position.tail_len == 0 || hash(bytes) == position.tail;
    let part = limits.part(size.saturating_sub(position.offset));
    let Some(chunk) = read_chunk(source, position.offset, known, check, partial, part, spare)? else {
        return Ok(None);
    };
    let mut after = position.clone();
    if chunk.end > position.offset {
        after.offset = chunk.end;
        after.know_tail(&chunk.tail);
        if let Some(newline) = chunk.first_newline {
            after.know_head(source, newline)?;
        }
    }
    Ok(Some((chunk, after)))
}

/// The position after the last complete line of a file that nobody wants to have read.
pub(super) fn end_of(source: &impl ReadAt, size: u64) -> io::Result<Position> {
    let mut position = Position::default();
    let mut block = vec![0; 64 << 10];
    let mut until = size;
    while until > 0 {
        let from = until.saturating_sub(block.len() as u64);
        let wanted = usize::try_from(until - from).unwrap_or(block.len());
        let read = source.read_at(&mut block[..wanted], from)?;
        if let Some(newline) = memchr::memrchr(b'\n', &block[..read]) {
            position.offset = from + newline as u64 + 1;
            break;
        }
        until = from;
    }
    if position.offset == 0 {
        return Ok(position);
    }
    let tail_len = position.offset.min(TAIL_BYTES as u64);
    let mut tail = vec![0; usize::try_from(tail_len).unwrap_or(TAIL_BYTES)];
    let read = source.read_at(&mut tail, position.offset - tail_len)?;
    position.know_tail(&tail[..read]);
    let mut from = 0;
    loop {
        let read = source.read_at(&mut block, from)?;
        if let Some(newline) = memchr::memchr(b'\n', &block[..read]) {
            position.know_head(source, from + newline as u64)?;
            return Ok(position);
        }
        if read < block.len() {
            // it became shorter meanwhile: read it from the beginning rather than guess
            return Ok(Position::default());
        }
        from += read as u64;
    }
}

/// Shows every complete line that begins in this part of the file, which begins with a line, in their order.
pub fn each_line(file: &File, part: Range<u64>, mut see: impl FnMut(&[u8])) -> io::Result<()> {
    let mut position = Position { offset: part.start, ..Position::default() };
    let mut partial = Partial::default();
    let (limits, mut spare) = (Limits::default(), Vec::new());
    while position.offset < part.end
        && let Some((chunk, after)) = read_on(file, part.end, &position, &mut partial, limits, &mut spare)?
    {
        chunk.lines().take_while(|(start, _)| *start < part.end).for_each(|(_, line)| see(line));
        if !chunk.more {
            break;
        }
        chunk.recycle(&mut spare, limits);
        position = after;
    }
    Ok(())
}

impl ReadAt for File {
    #[cfg(unix)]
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        fill(buffer, |rest, done| std::os::unix::fs::FileExt::read_at(self, rest, offset + done))
    }

    #[cfg(not(unix))]
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        use std::io::{Read as _, Seek as _};
        let mut file = self;
        file.seek(io::SeekFrom::Start(offset))?;
        fill(buffer, |rest, _| file.read(rest))
    }
}

/// Reads until the buffer is full or there is nothing more.
fn fill(buffer: &mut [u8], mut read: impl FnMut(&mut [u8], u64) -> io::Result<usize>) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match read(&mut buffer[done..], done as u64) {
            Ok(0) => break,
            Ok(bytes) => done += bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Opens a plain file; `None` for anything else, which may have come to the path since it was looked at.
pub fn open(path: &Path) -> io::Result<Option<(File, Stat)>> {
    let mut options = OpenOptions::new();
    options.read(true);
    // a link is not followed, a pipe does not block
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let file = match options.open(path) {
        Ok(file) => file,
        #[cfg(unix)]
        Err(error) if matches!(error.raw_os_error(), Some(libc::ELOOP | libc::ENXIO)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    Ok(metadata.is_file().then(|| (Stat::of(&metadata), file)).map(|(stat, file)| (file, stat)))
}
