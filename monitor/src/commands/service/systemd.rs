//! The unit for systemd's user manager.

use super::Service;

pub(super) fn render(service: &Service) -> String {
    let mut command = quoted(&service.executable.display().to_string());
    for argument in &service.arguments {
        command.push(' ');
        // a dollar sign would be read as a variable's
        command.push_str(&quoted(argument).replace('$', "$$"));
    }
    let state_dir = quoted(&service.state_dir.display().to_string());
    format!(
        "\
[Unit]
Description=VibeTea monitor: ships the safe metadata of coding agents' transcripts
# an outage of the network is no reason to give up
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart={command}
Restart=always
RestartSec=5
# a wrong setting does not become right by trying again
RestartPreventExitStatus=78
TimeoutStopSec=10
Nice=5

# it reads the transcripts and its key, and writes into its state folder alone
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths={state_dir}
PrivateTmp=yes
UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=default.target
"
    )
}

/// In double quotes, as a unit's lines are parted at blanks and `%` begins a specifier.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '%' => out.push_str("%%"),
            '\n' => out.push_str("\\n"),
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stand_as_one_word_each() {
        assert_eq!(quoted(r#"/a b/100%/"c"\d"#), r#""/a b/100%%/\"c\"\\d""#);
        let service = Service {
            executable: "/opt/tea pot/vibetea".into(),
            arguments: ["monitor", "--config", "/home/x/$HOME/m.toml", "run"].map(str::to_owned).into(),
            state_dir: "/home/x/my state".into(),
            home: "/home/x".into(),
        };
        let unit = render(&service);
        let line = |name: &str| unit.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
        assert_eq!(
            line("ExecStart="),
            r#""/opt/tea pot/vibetea" "monitor" "--config" "/home/x/$$HOME/m.toml" "run""#
        );
        assert_eq!(line("ReadWritePaths="), r#""/home/x/my state""#);
    }
}
