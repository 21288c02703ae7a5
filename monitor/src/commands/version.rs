//! `version`

use super::output::print;

pub(super) fn execute() -> anyhow::Result<()> {
    print(concat!("vibetea-monitor ", env!("CARGO_PKG_VERSION"), "\n"))
}
