//! Numbers as people read them.

const UNITS: [(u64, &str); 4] =
    [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB")];

/// `8.7 MB`, powers of ten, cut off rather than rounded.
pub(super) fn bytes(count: u64) -> String {
    let Some((unit, name)) = UNITS.into_iter().find(|(unit, _)| count >= *unit) else {
        return plural(count, "byte", "bytes");
    };
    match count / unit {
        whole @ 0..10 => format!("{whole}.{} {name}", count % unit * 10 / unit),
        whole => format!("{whole} {name}"),
    }
}

/// How long ago, in one unit.
pub(super) fn ago(micros: i64) -> String {
    let seconds = micros.max(0) / 1_000_000;
    match seconds {
        0..120 => format!("{seconds} s ago"),
        120..7200 => format!("{} min ago", seconds / 60),
        7200..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// `no files`, `1 file`, `2 files`.
pub(super) fn plural(count: u64, one: &str, many: &str) -> String {
    match count {
        0 => format!("no {many}"),
        1 => format!("1 {one}"),
        _ => format!("{count} {many}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        let shown: Vec<String> =
            [0, 1, 999, 1000, 1999, 10_500, 8_765_432, 268_435_456, 5_000_000_000].map(bytes).into();
        assert_eq!(
            shown,
            ["no bytes", "1 byte", "999 bytes", "1.0 kB", "1.9 kB", "10 kB", "8.7 MB", "268 MB", "5.0 GB"]
        );
    }

    #[test]
    fn ages_have_one_unit() {
        let shown = [-5, 119, 120, 7199, 7200, 172_800].map(|seconds: i64| ago(seconds * 1_000_000));
        assert_eq!(shown, ["0 s ago", "119 s ago", "2 min ago", "119 min ago", "2 h ago", "2 days ago"]);
    }
}
