//! Stories of the decision, one folder each: `world.txt` tells what stands where and who does what, `expected.txt` what each
//! pass decides. After a change that is meant, `UPDATE_GOLDEN=1 cargo test --test decide golden::` writes the expectations anew; what
//! they then say is to be reviewed like code.

use std::fs;
use std::path::Path;

use crate::script;

#[test]
fn every_story_ends_as_expected() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let update = std::env::var("UPDATE_GOLDEN").is_ok_and(|v| v == "1");
    let only = std::env::var("GOLDEN").unwrap_or_default();
    let mut cases: Vec<_> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    let mut wrong = Vec::new();
    for case in cases.iter().filter(|c| c.to_string_lossy().contains(&only)) {
        let script = fs::read_to_string(case.join("world.txt")).unwrap();
        let found = script::play(&script);
        let file = case.join("expected.txt");
        if update {
            fs::write(&file, &found).unwrap();
            continue;
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        if found != expected {
            let name = case.file_name().unwrap().to_string_lossy();
            wrong.push(format!("--- {name}: expected\n{expected}--- {name}: found\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
