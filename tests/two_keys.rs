//! One person with one key, and edit rights to the file, does anything that the sheet's protections let them do, through the
//! browser or the API. No version moves that the other key's holders did not name.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod hands;

use std::collections::BTreeSet;

use fleetsheet::adapters::sqlite::{Access, SqliteStore};
use fleetsheet::clients::{Clients, connect, policy};
use fleetsheet::clock::now;
use fleetsheet::config::Config;
use fleetsheet::locked_pass::{PassOptions, once};
use fleetsheet::memory::StoreReader as _;
use fleetsheet_mocks::cloud::{ACCESS_KEY, Fleet, SECRET_KEY};
use proptest::test_runner::{Config as Cases, TestCaseError, TestRunner};

use crate::stage::{ACCOUNT, REGION, RELEASES, SRE, Stage};
use hands::Deed;

const WEB: usize = 12;
const DB: usize = 6;

/// What the other key names: a newer version in `web`, and the release itself in `db`.
const NAMED: &str = "2.4.0";

async fn stage(person: &str) -> (Stage, Clients) {
    let channels = [("web", "2.3.9", "2.3.9", true), ("db", "1.0.0", "1.0.0", true)];
    let mut fleet = Fleet::new(ACCOUNT);
    let mut servers = Vec::new();
    for n in 0..WEB + DB {
        let (channel, version) = if n < WEB { ("web", "2.3.9") } else { ("db", "1.0.0") };
        let id = format!("i-{n:017x}");
        let tags = [("ReleaseChannel", channel), ("ReleaseVersion", version)];
        fleet.add(ACCOUNT, REGION, &id, tags);
        servers.push((id, channel));
    }
    let stage = Stage::new(&channels, &servers, fleet).await;
    let config = Config::load(&stage.path("fleetsheet.toml"), &std::collections::BTreeMap::new()).unwrap();
    let credentials = Some((ACCESS_KEY.to_owned(), SECRET_KEY.to_owned().into()));
    let clients = connect(config, credentials).await.unwrap();
    // The other group types its key once the service watches: what stood there before it would not count.
    pass(&clients).await;
    let other = if person == SRE {
        "desiredVersionB"
    } else {
        "desiredVersionA"
    };
    stage.set("web", other, NAMED);
    (stage, clients)
}

/// One pass, in this process.
async fn pass(clients: &Clients) {
    let policy = policy(&clients.config, &fleetsheet::plan::Allowed::default(), false);
    once(clients, &policy, PassOptions::silent()).await.unwrap();
}

/// Every version in force, and every version tag, is one that the other key's holders named for that channel.
async fn assert_nothing_moved_alone(stage: &Stage, deeds: &[Deed]) -> Result<(), TestCaseError> {
    let url = format!("sqlite:{}", stage.path("state/fleetsheet.db").display());
    let store = SqliteStore::open(&url, Access::Read, now()).await.unwrap();
    for (name, channel) in store.load().await.unwrap().channels {
        let release = channel.release.as_ref().map(ToString::to_string).unwrap_or_default();
        let may: &[&str] = match name.as_str() {
            "web" => &["2.3.9", NAMED],
            "db" => &["1.0.0"],
            // A channel that somebody names adopts what its servers carry.
            _ => &["", "1.0.0", "2.3.9", NAMED],
        };
        if !may.contains(&release.as_str()) {
            return Err(TestCaseError::fail(format!("{name} is on {release} after {deeds:#?}")));
        }
    }
    let mut strayed = BTreeSet::new();
    for n in 0..WEB + DB {
        let id = format!("i-{n:017x}");
        let version = stage.version(&id);
        let may: &[&str] = if n < WEB { &["2.3.9", NAMED] } else { &["1.0.0"] };
        if !may.contains(&version.as_str()) {
            strayed.insert(id);
        }
        if !["1.0.0", "2.3.9", NAMED].contains(&version.as_str()) {
            return Err(TestCaseError::fail(format!("a server runs {version} after {deeds:#?}")));
        }
    }
    // Servers may change channels, a few a day: the belt on what no two keys approved begins at three.
    if strayed.len() > 2 {
        return Err(TestCaseError::fail(format!(
            "{strayed:?} changed versions after {deeds:#?}"
        )));
    }
    Ok(())
}

fn alone(person: &'static str, cases: u32) {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let done = std::cell::RefCell::new([0_u32; 2]);
    let mut runner = TestRunner::new(Cases {
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Cases::with_cases(cases)
    });
    let outcome = runner.run(&hands::deeds(), |deeds| {
        runtime.block_on(async {
            let (stage, clients) = stage(person).await;
            pass(&clients).await;
            for (n, deed) in deeds.iter().enumerate() {
                let did = stage.sheets.edit(|book| deed.attempt(book, person));
                done.borrow_mut()[usize::from(did.is_err())] += 1;
                if n % 2 == 1 || n + 1 == deeds.len() {
                    pass(&clients).await;
                    assert_nothing_moved_alone(&stage, &deeds[..=n]).await?;
                }
            }
            Ok(())
        })
    });
    let [accepted, refused] = *done.borrow();
    if let Err(error) = outcome {
        panic!("{error}");
    }
    assert!(
        accepted > cases && refused > cases,
        "the deeds are too tame: {accepted} done, {refused} refused"
    );
}

#[test]
fn a_holder_of_key_a_moves_nothing_alone() {
    alone(SRE, 40);
}

#[test]
fn a_holder_of_key_b_moves_nothing_alone() {
    alone(RELEASES, 40);
}

#[test]
fn the_other_persons_word_makes_the_same_deeds_count() {
    // What the property rests on: the key that is theirs does turn, and with the other one the version moves.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (stage, clients) = stage(SRE).await;
        pass(&clients).await;
        let typed = Deed::typed("ReleaseSheet", 1, 1, NAMED);
        stage.sheets.edit(|book| typed.attempt(book, SRE)).unwrap();
        pass(&clients).await;
        assert_eq!(stage.version("i-00000000000000000"), NAMED);
        let other = Deed::typed("ReleaseSheet", 1, 2, "6.6.6");
        assert!(stage.sheets.edit(|book| other.attempt(book, SRE)).is_err());
    });
}
