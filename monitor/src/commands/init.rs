//! `init`: a key pair, and the line that registers it with a server.

use std::io::{self, IsTerminal as _};

use super::output::{print, say};
use crate::cli::InitArgs;
use crate::config::{IdentityConfig, Lookup};
use crate::keys::{self, KeyError};

pub(super) fn execute(args: &InitArgs, lookup: Lookup<'_>) -> anyhow::Result<()> {
    let IdentityConfig { key_dir, source } = IdentityConfig::from_lookup(lookup)?;
    let public = match keys::create(&key_dir, args.force) {
        Err(KeyError::Exists(path)) if is_conversation() => {
            if !confirmed(&format!(
                "There is a key at {} already. Replace it? The server must then be told the new one. [y/N] ",
                path.display()
            ))? {
                return Err(KeyError::Exists(path).into());
            }
            keys::create(&key_dir, true)?
        }
        made => made?,
    };
    say(format_args!("Key pair written to {}.", key_dir.display()));
    say(format_args!(
        "To register it, run `vibetea-server enroll {}` on the server and here the command that it prints.",
        as_word(source.as_str())
    ));
    say("Or start the server with this line, or add the part in quotes to the keys it knows:");
    let line =
        format!("export VIBETEA_PUBLIC_KEYS={}\n", quoted(&format!("{source}:{}", public.to_base64())));
    print(&line)
}

/// Whether a person can be asked.
pub(super) fn is_conversation() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a person; anything but yes is no.
pub(super) fn confirmed(question: &str) -> io::Result<bool> {
    eprint!("{question}");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// As one word for a POSIX shell, quoted only where it must be.
pub(super) fn as_word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '@');
    if text.chars().all(plain) { text.to_owned() } else { quoted(text) }
}

/// In double quotes for a POSIX shell.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_cannot_break_out_of_the_line_for_the_shell() {
        assert_eq!(quoted("laptop:AAA="), r#""laptop:AAA=""#);
        assert_eq!(as_word("büro-1"), "büro-1");
        assert_eq!(as_word("my laptop"), r#""my laptop""#);
        assert_eq!(quoted(r#"a"b$(c)`d`\e"#), r#""a\"b\$(c)\`d\`\\e""#);
    }
}
