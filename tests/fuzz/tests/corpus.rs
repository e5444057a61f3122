//! Replays the corpus: every input that a fuzzer found interesting, and every one that once broke a promise.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use fleetsheet_fuzz::{TARGETS, Target, find};

/// The corpus is small enough to be replayed at each build: it holds what tells code apart, not all that was ever tried.
const FILES_MAX: usize = 300;
const BYTES_MAX: u64 = 300_000;

/// Replays one input, and says which it is if it fails.
fn replay(target: Target, path: &Path) {
    let data = fs::read(path).unwrap();
    assert!(
        catch_unwind(|| target(&data)).is_ok(),
        "{} fails, see above",
        path.display()
    );
}

/// The inputs of one target, each of which it takes.
fn replay_all(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let target = find(name).unwrap();
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        replay(target, &entry.unwrap().path());
        count += 1;
    }
    assert!(count > 0, "{} is empty", folder.display());
}

macro_rules! replayed {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            replay_all(stringify!($name));
        }
    )*

        #[test]
        fn all_targets_are_replayed_and_the_corpus_is_small() {
            let replayed = [$(stringify!($name)),*];
            assert_eq!(TARGETS.map(|(name, _)| name).as_slice(), replayed);
            let (mut files, mut bytes) = (0, 0);
            for folder in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")).unwrap() {
                let folder = folder.unwrap();
                let name = folder.file_name();
                assert!(replayed.contains(&name.to_str().unwrap()), "{name:?} is the corpus of no target");
                for file in fs::read_dir(folder.path()).unwrap() {
                    files += 1;
                    bytes += file.unwrap().metadata().unwrap().len();
                }
            }
            assert!(files <= FILES_MAX && bytes <= BYTES_MAX, "{files} files, {bytes} bytes");
        }
    };
}

replayed!(sheet cells config google pieces keyfile ec2 prometheus smtp rows file);

/// Replays the file that `FUZZ_INPUT` names, if it names one; and any input at all, so that it is known to be replayed.
#[test]
fn one_input_is_replayed() {
    let asked = (std::env::var("FUZZ_TARGET"), std::env::var_os("FUZZ_INPUT"));
    if let (Ok(name), Some(path)) = asked {
        return replay(find(&name).unwrap(), Path::new(&path));
    }
    for (_, target) in TARGETS {
        target(b"");
    }
}
