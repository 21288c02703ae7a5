//! Whether a program needs anything of the system it runs on.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

/// Type of the program header that names the loader of shared libraries.
const INTERPRETER: u32 = 3;

/// Fails for a program that is loaded together with shared libraries.
pub(super) fn check_static(program: &Path) -> Result<()> {
    let bytes = fs::read(program).with_context(|| format!("cannot read {}", program.display()))?;
    let types =
        header_types(&bytes).with_context(|| format!("{} is no 64-bit program", program.display()))?;
    ensure!(!types.contains(&INTERPRETER), "{} is not static: it asks for a loader", program.display());
    Ok(())
}

/// The types of the program headers of a little-endian ELF file of 64 bits.
fn header_types(bytes: &[u8]) -> Option<Vec<u32>> {
    let number = |at: usize, length: usize| -> Option<usize> {
        let field = bytes.get(at..at.checked_add(length)?)?;
        let value = field.iter().rev().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        usize::try_from(value).ok()
    };
    bytes.starts_with(b"\x7fELF\x02\x01").then_some(())?;
    let (table, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    (0..count)
        .map(|index| {
            let at = table.checked_add(index.checked_mul(size)?)?;
            u32::try_from(number(at, 4)?).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// This test itself is built for the machine at hand and asks for its loader.
    #[test]
    #[cfg(all(
        target_os = "linux",
        target_env = "gnu",
        target_endian = "little",
        target_pointer_width = "64"
    ))]
    fn a_program_with_a_loader_is_not_static() {
        let own = std::env::current_exe().unwrap();
        let error = check_static(&own).unwrap_err().to_string();
        assert!(error.contains("asks for a loader"), "{error}");
    }

    #[test]
    fn what_is_no_program_is_refused() {
        assert_eq!(header_types(b"#!/bin/sh"), None);
        assert_eq!(header_types(b"\x7fELF\x02\x01"), None);
    }
}
