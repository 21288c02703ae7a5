//! `version`

use std::io::Write as _;

pub(super) fn execute() -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "vibetea-monitor {}", env!("CARGO_PKG_VERSION"))?;
    Ok(())
}
