//! The figures beside their aims, as a table that can be kept.

/// Which side of the aim is good.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Aim {
    AtLeast(f64),
    AtMost(f64),
    /// For information.
    None,
}

/// Rows in the order of measuring.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<[String; 4]>,
}

impl Report {
    /// Adds a figure with its unit, such as `×` or `ms`.
    pub(crate) fn add(&mut self, what: impl Into<String>, figure: f64, unit: &str, aim: Aim) {
        let (aim, met) = match aim {
            Aim::AtLeast(least) => (format!("≥ {}", number(least)), Some(figure >= least)),
            Aim::AtMost(most) => (format!("≤ {}", number(most)), Some(figure <= most)),
            Aim::None => (String::new(), None),
        };
        let met = met.map_or("", |met| if met { "yes" } else { "no" });
        let row = [what.into(), format!("{} {unit}", number(figure)), aim, met.to_owned()];
        eprintln!("  {}: {} {} {}", row[0], row[1], row[2], row[3]);
        self.rows.push(row);
    }

    /// Prints all rows.
    #[expect(clippy::print_stdout, reason = "the table is what was asked for")]
    pub(crate) fn print(&self) {
        println!("| what | measured | aim | met |\n|---|---|---|---|");
        for [what, figure, aim, met] in &self.rows {
            println!("| {what} | {figure} | {aim} | {met} |");
        }
    }
}

/// Digits that mean something.
fn number(value: f64) -> String {
    if value >= 1000.0 {
        let digits = format!("{value:.0}");
        let groups: Vec<&str> = digits
            .as_bytes()
            .rchunks(3)
            .rev()
            .map(|group| std::str::from_utf8(group).unwrap_or_default())
            .collect();
        return groups.join(" ");
    }
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// The middle one; 0 of none.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which this share of them lies.
pub(crate) fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index into a list of a few hundred"
    )]
    let at = (values.len().saturating_sub(1) as f64 * share).round() as usize;
    values.get(at).copied().unwrap_or_default()
}

/// Things per second.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
pub(crate) fn rate(count: u64, took: std::time::Duration) -> f64 {
    count as f64 / took.as_secs_f64().max(1e-9)
}
