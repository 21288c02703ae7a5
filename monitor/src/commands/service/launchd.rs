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

    /// As Python reads property lists: the keys with their values.
    fn parsed(text: &str) -> Option<Result<serde_json::Value, String>> {
        use std::io::Write as _;
        use std::process::{Command, Stdio};
        let script = "import json, plistlib, sys; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))";
        let spawned = Command::new("python3")
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut python) = spawned else {
            vibetea_testkit::lack::skip("python3", "no Python 3, which reads property lists");
            return None;
        };
        python.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = python.wait_with_output().unwrap();
        Some(if output.status.success() {
            Ok(serde_json::from_slice(&output.stdout).unwrap())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        })
    }

    #[test]
    fn the_agent_is_a_property_list_whatever_the_names_of_its_files() {
        let odd = "/Volumes/a & b/<c>\"d'/]]>";
        let service = Service {
            executable: format!("{odd}/vibetea-monitor").into(),
            arguments: ["--config", odd, "run"].map(str::to_owned).into(),
            state_dir: odd.into(),
            home: odd.into(),
        };
        let text = render(&service);
        let Some(parsed_text) = parsed(&text) else { return };
        let plist = parsed_text.unwrap();
        let expected = serde_json::json!([format!("{odd}/vibetea-monitor"), "--config", odd, "run"]);
        assert_eq!(plist["ProgramArguments"], expected);
        assert_eq!(plist["Label"], "vibetea-monitor");
        assert_eq!((&plist["RunAtLoad"], &plist["KeepAlive"]), (&true.into(), &true.into()));
        // 0o077
        assert_eq!(plist["Umask"], 63);
        // the twin: a name that is not escaped is no list
        assert!(parsed(&text.replace("&amp;", "&")).unwrap().is_err());
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
