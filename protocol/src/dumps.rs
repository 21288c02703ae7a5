//! Keys and tokens live in memory, and memory crosses the border of a process when the system writes it to a file.

/// Keeps this process' memory out of core dumps and, on Linux, away from other programs of the same account. What a
/// process starts is not concerned. Where the system refuses, `program` says so on standard error and goes on.
pub fn forbid(program: &str) {
    #[cfg(unix)]
    if let Err(error) = unix::forbid() {
        eprintln!("{program}: a crash may leave keys in a core dump: {error}");
    }
}

#[cfg(unix)]
mod unix {
    use rustix::process::{Resource, Rlimit, setrlimit};

    pub(super) fn forbid() -> std::io::Result<()> {
        setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
        // a handler that dumps are piped to is started whatever the limit says
        #[cfg(target_os = "linux")]
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
        Ok(())
    }
}
