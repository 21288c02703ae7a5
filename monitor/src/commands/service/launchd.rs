//! The agent for launchd.

use std::fmt::Write as _;

use super::Service;

/// Name of the agent and of its file.
pub(super) const LABEL: &str = "vibetea-monitor";

pub(super) fn render(service: &Service) -> String {
    let executable = service.executable.display().to_string();
    let words = std::iter::once(&executable).chain(&service.arguments);
    let command = words.fold(String::new(), |mut out, word| {
        // writing to a String cannot fail
        let _ = write!(out, "\n    <string>{}</string>", escaped(word));
        out
    });
    let log = escaped(&service.home.join("Library/Logs/vibetea-monitor.log").display().to_string());
    // 63 is 0077: launchd takes decimal numbers only
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>{LABEL}</string>
  <key>ProgramArguments</key>
  <array>{command}
  </array>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <true/>
  <key>ThrottleInterval</key>
  <integer>30</integer>
  <key>ProcessType</key>
  <string>Background</string>
  <key>Umask</key>
  <integer>63</integer>
  <key>StandardErrorPath</key>
  <string>{log}</string>
</dict>
</plist>
"#
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agent_runs_at_login_and_again_when_it_ends() {
        let service = Service {
            executable: "/opt/R&D/vibetea-monitor".into(),
            arguments: ["--config", "/Volumes/me/.config/vibetea/monitor.toml", "run"]
                .map(str::to_owned)
                .into(),
            state_dir: "/Volumes/me/.local/state/vibetea".into(),
            home: "/Volumes/me".into(),
        };
        insta::assert_snapshot!(render(&service), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
        <plist version="1.0">
        <dict>
          <key>Label</key>
          <string>vibetea-monitor</string>
          <key>ProgramArguments</key>
          <array>
            <string>/opt/R&amp;D/vibetea-monitor</string>
            <string>--config</string>
            <string>/Volumes/me/.config/vibetea/monitor.toml</string>
            <string>run</string>
          </array>
          <key>RunAtLoad</key>
          <true/>
          <key>KeepAlive</key>
          <true/>
          <key>ThrottleInterval</key>
          <integer>30</integer>
          <key>ProcessType</key>
          <string>Background</string>
          <key>Umask</key>
          <integer>63</integer>
          <key>StandardErrorPath</key>
          <string>/Volumes/me/Library/Logs/vibetea-monitor.log</string>
        </dict>
        </plist>
        "#);
    }

    /// What is handed out for those who install by hand says `@HOME@` where a person's home folder belongs.
    #[test]
    fn the_agent_under_deploy_is_this_one() {
        let service = Service {
            executable: "@HOME@/.local/bin/vibetea-monitor".into(),
            arguments: ["--config", "@HOME@/.config/vibetea/monitor.toml", "run"].map(str::to_owned).into(),
            state_dir: "@HOME@/.local/state/vibetea".into(),
            home: "@HOME@".into(),
        };
        let kept = include_str!("../../../../deploy/launchd/vibetea-monitor.plist");
        assert_eq!(render(&service), kept);
    }
}
