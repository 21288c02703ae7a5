//! The walk of docs/OPERATIONS.md, run block by block as a newcomer would, each in the home folder of its machine.
//!
//! Two things differ from the page: the installer is one of a release that holds the built programs, and the address of
//! the server is that of this machine.

mod machine;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use vibetea_protocol::Clock;
use vibetea_tests::program::{free_port, loopback, path_of};
use vibetea_tests::release::{PROGRAMS, Release};
use vibetea_tests::transcript::{Appender, Session};
use vibetea_tests::wait::until_so;
use vibetea_tests::{answers, stored};

use machine::Machine;

const DEADLINE: Duration = Duration::from_mins(1);
const ADDRESS: &str = "https://tea.example.org";
const MACHINES: [&str; 3] = ["server", "laptop", "desktop"];
const LINES: u32 = 41;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A block of the page and the machines it is for.
struct Block {
    machines: Vec<String>,
    text: String,
}

/// The blocks of the section, in their order.
fn walk() -> Vec<Block> {
    let page = std::fs::read_to_string(root().join("docs/OPERATIONS.md")).unwrap();
    let (_, section) = page.split_once("\n## The walk\n").expect("the page has the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let mut blocks = Vec::new();
    for part in section.split("\n```").skip(1).step_by(2) {
        let (head, text) = part.split_once('\n').expect("a block has lines");
        let machines =
            head.strip_prefix("sh on ").unwrap_or_else(|| panic!("a block of the walk is not run: {head}"));
        let machines = machines.split(' ').map(str::to_owned).collect();
        blocks.push(Block { machines, text: text.to_owned() });
    }
    blocks
}

/// The machines, the release they install, and what the test knows of them.
struct World {
    folder: tempfile::TempDir,
    port: u16,
    machines: BTreeMap<&'static str, Machine>,
    said: Vec<String>,
    code: String,
}

impl World {
    fn new() -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let built = |program: &str| format!("exec '{}' \"$@\"", path_of(program).display());
        let release =
            Release::make(&folder.path().join("release"), env!("CARGO_PKG_VERSION"), &PROGRAMS, built);
        let mut machines = BTreeMap::new();
        for name in MACHINES {
            let home = folder.path().join(name);
            std::fs::create_dir_all(home.join(".claude/projects")).unwrap();
            let installer = std::fs::read_to_string(root().join("install.sh")).unwrap();
            let installer = installer
                .replace("@RELEASE@", &release.url())
                .replace("@VERSION@", env!("CARGO_PKG_VERSION"));
            std::fs::write(home.join("install.sh"), installer).unwrap();
            let port = (name == "server").then_some(port);
            machines.insert(name, Machine::start(&home, port));
        }
        Self { folder, port, machines, said: Vec::new(), code: String::new() }
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("server/.local/share/vibetea/vibetea.db")
    }

    fn until_stored(&self, events: u64) {
        until_so(DEADLINE, &format!("{events} events are stored"), || {
            stored::count(&self.database()) >= events
        });
        assert_eq!(stored::count(&self.database()), events);
    }

    fn run(&mut self, block: &Block) {
        let here = loopback(self.port).to_string();
        let text = block
            .text
            .replace(ADDRESS, &format!("http://{here}"))
            .replace("127.0.0.1:8080", &here)
            .replace("XXXX-XXXX", &self.code);
        for name in &block.machines {
            let machine =
                self.machines.get_mut(name.as_str()).unwrap_or_else(|| panic!("no machine '{name}'"));
            let said = machine.run(&text);
            self.take_code(&text, &said);
            self.said.push(said);
        }
    }

    /// Notes the code of the line to be pasted, which has to be the one that the page shows.
    fn take_code(&mut self, text: &str, said: &str) {
        if !text.contains("vibetea-server enroll ") {
            return;
        }
        let start = format!("vibetea-monitor enroll http://{} --code ", loopback(self.port));
        let line = said.lines().find_map(|line| line.trim().strip_prefix(&start));
        let code = line.unwrap_or_else(|| panic!("no line to be pasted: {said}")).split(' ').next().unwrap();
        assert_eq!((code.len(), code.find('-')), (9, Some(4)), "{code}");
        code.clone_into(&mut self.code);
    }

    /// What was said by the blocks that hold `command`.
    fn said_by(&self, blocks: &[Block], command: &str) -> Vec<&str> {
        let each = blocks.iter().flat_map(|block| block.machines.iter().map(move |_| &block.text));
        each.zip(&self.said)
            .filter(|(text, _)| text.contains(command))
            .map(|(_, said)| said.as_str())
            .collect()
    }
}

/// A session that has been going on for a while on a machine.
struct Work {
    session: Session,
    file: Appender,
}

impl Work {
    fn on(world: &World, name: &str, number: u32) -> Self {
        let claude = world.folder.path().join(name).join(".claude");
        let session = Session::new(number, &format!("{name}-shop"));
        let file = Appender::open(&session.path(&claude));
        let mut work = Self { session, file };
        (0..LINES).for_each(|_| work.go_on());
        work
    }

    fn go_on(&mut self) {
        self.file.line(&self.session.next_line(Clock::System.now()).text);
    }
}

fn lines_with<'a>(said: &'a str, word: &str) -> Vec<&'a str> {
    said.lines().filter(|line| line.contains(word)).collect()
}

#[test]
fn the_walk_of_the_page_leads_from_nothing_to_a_server_with_two_machines_backup_and_figures() {
    if !cfg!(target_os = "linux") || std::process::Command::new("curl").arg("--version").output().is_err() {
        eprintln!("skipped: the walk is for Linux with curl");
        return;
    }
    let blocks = walk();
    assert!(blocks.len() >= 12, "{} blocks", blocks.len());
    let mut world = World::new();
    let mut laptop = Work::on(&world, "laptop", 1);
    let mut desktop = Work::on(&world, "desktop", 2);
    // the first line of a session is two events
    let both = u64::from(2 * (LINES + 1));
    for block in &blocks {
        if block.text.contains("api totals") {
            world.until_stored(both);
        }
        world.run(block);
    }
    let said = |command: &str| world.said_by(&blocks, command);

    for version in said("vibetea-server --version") {
        assert!(version.contains(&format!("vibetea-server {}", env!("CARGO_PKG_VERSION"))), "{version}");
    }
    let totals = said("api totals")[0];
    assert!(totals.contains(&format!("\"events\":{both}")), "{totals}");
    let digests = lines_with(said("vibetea-server backup")[0], "sha256:");
    assert_eq!(digests.len(), 3, "{digests:?}");
    assert!(
        digests.iter().all(|digest| *digest == digests[0] && digest.contains(&format!("events:{both}"))),
        "{digests:?}"
    );
    let figures = said("/metrics")[0];
    assert!(figures.contains("vibetea_store_events{type=\"tool\"}"), "{figures}");
    let listed = said("sources list");
    assert!(!listed[0].contains("revoked"), "{}", listed[0]);
    for name in ["laptop", "desktop"] {
        assert_eq!(lines_with(listed[0], name).len(), 1, "{}", listed[0]);
    }
    let after = listed.last().unwrap();
    let of_desktop =
        after.lines().find(|line| line.starts_with("desktop")).unwrap_or_else(|| panic!("{after}"));
    assert!(of_desktop.contains("revoked"), "{after}");

    // under its new key the laptop goes on; the desktop is not heard any more
    desktop.go_on();
    laptop.go_on();
    world.until_stored(both + 1);
    let screen = world.folder.path().join("server/screen-token");
    let token = std::fs::read_to_string(screen).unwrap();
    let asked = answers::get(loopback(world.port), "/api/v1/totals", &answers::bearer(token.trim())).unwrap();
    assert_eq!(asked.status, 401, "{}", asked.body);
}
