//! Subagents: where their files lie, what they are called, what they repeat.

use serde_json::json;

use crate::harness::{MapMemory, SESSION, events, payloads, read_records, subagents};
use crate::lines::{answer, bash, call, done, of, prompt, result};

#[test]
fn ids_of_subagents_have_three_forms_and_their_files_three_places() {
    for agent in ["0a1b2c3d", "a5bdbc1", "a0123456789abcdef"] {
        for path in [
            format!("slug/agent-{agent}.jsonl"),
            subagents(&format!("agent-{agent}")),
            subagents(&format!("workflows/wf_7/agent-{agent}")),
        ] {
            let tools = payloads(
                &read_records(&path, &[bash("s1", 0, "toolu_1")], &mut MapMemory::default()),
                "tool",
            );
            assert_eq!(
                (&tools[0]["agentId"], &tools[0]["sessionId"]),
                (&json!(agent), &json!(SESSION)),
                "{path}"
            );
        }
    }
}

#[test]
fn a_continued_subagent_repeats_the_first_ones_history_under_another_id() {
    let first = vec![prompt("s1", 0, "look"), bash("s2", 1, "toolu_1"), done("s3", 2, "toolu_1")];
    let mut memory = MapMemory::default();
    let before = read_records(&subagents("agent-a000001"), &of(first.clone(), "a000001"), &mut memory);
    assert_eq!(payloads(&before, "tool").len(), 2);
    let continued = [first, vec![bash("s4", 3, "toolu_2"), done("s5", 4, "toolu_2")]].concat();
    let after = read_records(&subagents("agent-a000002"), &of(continued, "a000002"), &mut memory);
    let tools = payloads(&after, "tool");
    assert_eq!(tools.len(), 2, "only what is new");
    assert!(tools.iter().all(|tool| tool["agentId"] == "a000002"));
}

#[test]
fn a_warm_up_gives_nothing_in_either_place() {
    let work = || of(vec![prompt("s1", 0, "Warmup"), bash("s2", 1, "toolu_1"), answer("s3", 2)], "a5bdbc1");
    for path in ["slug/agent-a5bdbc1.jsonl".to_owned(), subagents("agent-a5bdbc1")] {
        assert!(read_records(&path, &work(), &mut MapMemory::default()).is_empty(), "{path}");
    }
}

#[test]
fn a_spawned_teammate_is_not_done_yet() {
    let task = call("a1", 0, "toolu_1", "Agent", &json!({"subagent_type": "general-purpose"}));
    let spawned = result("r1", 1, "toolu_1", &json!({}), &json!({"status": "teammate_spawned", "name": "x"}));
    let states: Vec<_> =
        payloads(&events(&[task, spawned]), "agent").iter().map(|agent| agent["state"].clone()).collect();
    assert_eq!(states, ["started"]);
}
