//! `FACTS.md` lists facts about real transcripts, each with the tests that stand for it.

#[test]
fn the_list_of_facts_names_tests_that_exist() {
    let place = |file: &str| format!("{}/tests/transcripts/{file}", env!("CARGO_MANIFEST_DIR"));
    let list = std::fs::read_to_string(place("FACTS.md")).unwrap();
    let named: Vec<(&str, &str)> =
        list.split('`').skip(1).step_by(2).filter_map(|word| word.split_once("::")).collect();
    assert!(named.len() > 60, "{}", named.len());
    for (module, test) in named {
        let source = std::fs::read_to_string(place(&format!("{module}.rs"))).unwrap_or_default();
        assert!(source.contains(&format!("fn {test}()")), "no test {module}::{test}");
    }
}
