//! The tables of `docs/PRIVACY.md`, from the types that can leave a machine.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use vibetea_protocol::names::{AgentType, BuiltInTool, ErrorCategory};
use vibetea_protocol::payload::DESCRIPTIONS;
use vibetea_protocol::safe::{ENVELOPE, Field};

const BEGIN: &str = "<!-- begin: written by `cargo xtask gen` from the types -->\n";
const END: &str = "<!-- end -->\n";

/// The page with its tables written anew.
pub(crate) fn refreshed(page: &str) -> Result<String> {
    let (before, rest) =
        page.split_once(BEGIN).context("docs/PRIVACY.md has no line that begins the tables")?;
    let (_, behind) = rest.split_once(END).context("docs/PRIVACY.md has no line that ends the tables")?;
    Ok([before, BEGIN, &tables(), END, behind].concat())
}

fn tables() -> String {
    let mut text = String::from("| is sent | is never sent |\n|---|---|\n");
    for event in &DESCRIPTIONS {
        let never = event.never.trim().trim_start_matches("Never sent: ");
        let fields: Vec<String> =
            event.fields.iter().map(|field| format!("`{}`", field.wire_name())).collect();
        line(
            &mut text,
            &format!("**{}**: {} {}", event.event_type.as_str(), event.about.trim(), fields.join(", ")),
            &[never],
        );
    }
    text.push_str("\nWhat stands in each field, and what it can hold whatever the transcript says:\n\n");
    text.push_str("| event | field | says | can hold |\n|---|---|---|---|\n");
    rows(&mut text, "every", ENVELOPE);
    for event in &DESCRIPTIONS {
        rows(&mut text, event.event_type.as_str(), event.fields);
    }
    list(&mut text, "All tools that are named", BuiltInTool::ALL);
    list(&mut text, "All kinds of subagents", AgentType::ALL);
    list(&mut text, "All categories of errors", ErrorCategory::ALL);
    text
}

fn rows(text: &mut String, event: &str, fields: &[Field]) {
    for field in fields {
        let optional = if field.optional { "; may be absent" } else { "" };
        let holds = format!("{}{optional}", field.holds);
        line(text, event, &[&format!("`{}`", field.wire_name()), field.says.trim(), &holds]);
    }
}

fn line(text: &mut String, first: &str, others: &[&str]) {
    text.push_str("| ");
    text.push_str(first);
    for other in others {
        text.push_str(" | ");
        text.push_str(other);
    }
    text.push_str(" |\n");
}

fn list(text: &mut String, what: &str, words: &[&str]) {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    // writing to a String cannot fail
    let _ = write!(text, "\n{what}: {}.\n", words.join(", "));
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, refreshed};

    #[test]
    fn the_tables_of_the_privacy_page_are_fresh() {
        let page = std::fs::read_to_string(crate::generate::privacy_page()).unwrap();
        assert!(refreshed(&page).unwrap() == page, "docs/PRIVACY.md is stale; run `cargo xtask gen`");
    }

    #[test]
    fn a_stale_table_is_noticed_and_the_words_around_it_stay() {
        let stale = format!("above\n{BEGIN}| is sent | everything |\n{END}below\n");
        let fresh = refreshed(&stale).unwrap();
        assert!(fresh != stale);
        assert!(fresh.starts_with("above\n") && fresh.ends_with("below\n") && !fresh.contains("everything"));
        assert!(refreshed("no tables").is_err());
    }
}
