//! Lists, for people and for programs.

use std::fmt;
use std::io::Write as _;

use serde::Serialize;
use vibetea_protocol::Timestamp;

use super::Failure;

/// Prints a list as JSON for a program, or as the table for people.
pub(super) fn print<T: Serialize>(listed: &T, json: bool, table: fn(&T) -> String) -> Result<(), Failure> {
    let text =
        if json { serde_json::to_string_pretty(listed).map_err(Failure::of)? + "\n" } else { table(listed) };
    std::io::stdout().write_all(text.as_bytes()).map_err(Failure::of)
}

/// Rows under their headings, in columns as wide as they need.
pub(super) struct Table<const N: usize> {
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub(super) fn new(headings: [&str; N]) -> Self {
        Self { rows: vec![headings.map(str::to_owned)] }
    }

    pub(super) fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells.map(|cell| shown(&cell)));
    }
}

impl<const N: usize> fmt::Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width =
            |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..N).map(width).collect();
        for row in &self.rows {
            let padded = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            writeln!(f, "{}", padded.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}

/// A name as a terminal may be given it: what cannot be seen there, or turns the order of what stands around it, is
/// spelt out.
pub(super) fn shown(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '"' | '\'' | '\\' => text.push(c),
            // behind a letter, as marks that belong to one are no trouble there
            c => text.push_str(&format!("a{c}").escape_debug().to_string()[1..]),
        }
    }
    text
}

/// The moment to the second, or a word where there is none.
pub(super) fn moment_or(moment: Option<Timestamp>, otherwise: &str) -> String {
    let Some(moment) = moment else { return otherwise.to_owned() };
    let micros = moment.as_micros();
    let second = Timestamp::from_micros(micros - micros % 1_000_000).unwrap_or(moment);
    second.to_string().replace(".000Z", "Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let mut table = Table::new(["NAME", "STATE"]);
        table.row(["büro".to_owned(), "x".to_owned()]);
        table.row(["longer".to_owned(), String::new()]);
        assert_eq!(table.to_string(), "NAME    STATE\nbüro    x\nlonger\n");
    }

    #[test]
    fn what_a_terminal_would_obey_is_spelt_out() {
        for plain in ["büro-東京", "o'neil", "c:\\\"x\"", "e\u{301}", "नमस्ते", "🍵"] {
            assert_eq!(shown(plain), plain);
        }
        let nasty = "a\u{202e}gpj\u{2066}\u{200b}\u{feff}\u{1b}[31m\n\u{2028}\u{e0041}";
        assert_eq!(shown(nasty), "a\\u{202e}gpj\\u{2066}\\u{200b}\\u{feff}\\u{1b}[31m\\n\\u{2028}\\u{e0041}");
        let mut table = Table::new(["NAME", "STATE"]);
        table.row(["\u{202e}x".to_owned(), "y".to_owned()]);
        assert_eq!(table.to_string(), "NAME       STATE\n\\u{202e}x  y\n");
    }

    #[test]
    fn a_moment_is_told_to_the_second() {
        assert_eq!(moment_or("2026-02-03T14:30:01.999999Z".parse().ok(), "never"), "2026-02-03T14:30:01Z");
        assert_eq!(moment_or(None, "never"), "never");
    }
}
