//! Takes the built dashboard, where there is one, into the program: each file as it is and compressed.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// Files of these endings are made of text and worth compressing.
const TEXT: [(&str, &str); 5] = [
    ("html", "text/html; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("svg", "image/svg+xml"),
    ("webmanifest", "application/manifest+json"),
];
const BINARY: [(&str, &str); 2] = [("png", "image/png"), ("woff2", "font/woff2")];

fn main() -> io::Result<()> {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../client/dist");
    // cargo takes a folder that is missing for one that has changed, every time
    fs::create_dir_all(&dist)?;
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", dist.display());
    #[expect(clippy::disallowed_methods, reason = "cargo tells a build script by variables alone")]
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    let mut table = String::from("static ASSETS: &[Asset] = &[\n");
    for (number, path) in files(&dist)?.iter().enumerate() {
        println!("cargo::rerun-if-changed={}", path.display());
        entry(&mut table, &dist, path, &out.join(number.to_string()))?;
    }
    table.push_str("];\n");
    fs::write(out.join("assets.rs"), table)
}

/// Every file below the folder, sorted.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    found.sort();
    Ok(found)
}

fn entry(table: &mut String, dist: &Path, path: &Path, out: &Path) -> io::Result<()> {
    let name = path.strip_prefix(dist).map_err(io::Error::other)?.to_string_lossy().replace('\\', "/");
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let kind =
        |list: &[(&str, &'static str)]| list.iter().find(|(own, _)| *own == ending).map(|(_, kind)| *kind);
    let bytes = fs::read(path)?;
    let (content_type, compressed) = match (kind(&TEXT), kind(&BINARY)) {
        (Some(text), _) => (text, compress(&bytes, out)?),
        (_, Some(binary)) => (binary, "None, gzip: None".to_owned()),
        _ => return Err(io::Error::other(format!("{name}: no content type is known for '.{ending}'"))),
    };
    let tag =
        Sha256::digest(&bytes).iter().take(12).fold(String::new(), |tag, byte| format!("{tag}{byte:02x}"));
    let path = path.canonicalize()?;
    writeln!(
        table,
        "    Asset {{ path: {name:?}, content_type: {content_type:?}, tag: \"\\\"{tag}\\\"\", \
         plain: include_bytes!({}), brotli: {compressed} }},",
        literal(&path)
    )
    .map_err(io::Error::other)
}

/// Writes both compressed forms and answers how the table names them.
fn compress(bytes: &[u8], out: &Path) -> io::Result<String> {
    let (brotli, gzip) = (out.with_extension("br"), out.with_extension("gz"));
    let parameters = brotli::enc::BrotliEncoderParams { quality: 11, ..Default::default() };
    brotli::BrotliCompress(&mut &bytes[..], &mut fs::File::create(&brotli)?, &parameters)?;
    let mut encoder = flate2::write::GzEncoder::new(fs::File::create(&gzip)?, flate2::Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()?;
    let (brotli, gzip) = (literal(&brotli), literal(&gzip));
    Ok(format!("Some(include_bytes!({brotli})), gzip: Some(include_bytes!({gzip}))"))
}

/// The path as source code has it.
fn literal(path: &Path) -> String {
    format!("{:?}", path.to_string_lossy())
}
