//! Whatever is committed, the store remembers it as `Memory::apply` does.

mod letters;
mod rolls;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;
use fleetsheet::memory::{
    ActiveColour, AuditTab, Baselines, Binding, KeyState, Latch, Listing, Member, Reading, Repeat, RolloutId, SpentBy,
    Unapproved, Unfinished,
};
use letters::{mail, problem};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use rolls::rolls;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[a-z]{0,6}", 1 => any::<String>()]
}

fn shared() -> impl Strategy<Value = Arc<str>> {
    text().prop_map(Into::into)
}

/// Few names, so that later updates meet the rows of earlier ones.
fn name<N: for<'a> From<&'a str> + std::fmt::Debug>() -> impl Strategy<Value = N> {
    prop_oneof![3 => "[a-c]", 1 => any::<String>()].prop_map(|text| N::from(&text))
}

fn version() -> impl Strategy<Value = Version> {
    "[A-Za-z0-9][A-Za-z0-9._+-]{0,127}".prop_map(|text| Version::parse(&text).unwrap())
}

fn time() -> impl Strategy<Value = DateTime<Utc>> {
    (0..4_102_444_800_i64, 0..1_000_000_000_u32)
        .prop_map(|(seconds, nanos)| DateTime::from_timestamp(seconds, nanos).unwrap())
}

fn tags() -> impl Strategy<Value = TagSet> {
    btree_map(name(), shared(), 0..4).prop_map(|tags| tags.into_iter().collect())
}

fn key_state() -> impl Strategy<Value = KeyState> {
    let by = prop_oneof![
        Just(SpentBy::Rollback),
        Just(SpentBy::UnreadAtRollback),
        Just(SpentBy::Unseen),
        Just(SpentBy::Gate),
        Just(SpentBy::Edit),
        Just(SpentBy::Absence),
        Just(SpentBy::TwoRows),
        Just(SpentBy::Protection),
        Just(SpentBy::Takeover),
        Just(SpentBy::FirstContact),
    ];
    prop_oneof![
        Just(KeyState::Live),
        (option::of(text()), by).prop_map(|(held, by)| KeyState::Spent { held, by }),
    ]
}

fn row<S: std::fmt::Debug + Clone>(stamp: impl Strategy<Value = S> + Clone) -> impl Strategy<Value = RowMemory<S>> {
    (option::of(stamp.clone()), vec((stamp, time()), 0..3), vec(text(), 0..3)).prop_map(|(written, meant, earlier)| {
        RowMemory {
            written,
            meant,
            earlier,
        }
    })
}

fn channel() -> impl Strategy<Value = ChannelMemory> {
    let stamp = [text().boxed(), text().boxed(), text().boxed()].prop_map(|[release, previous, updated_at]| Stamp {
        release,
        previous,
        updated_at,
    });
    let latch = prop_oneof![
        version().prop_map(|from| Latch::Served { from }),
        Just(Latch::Nothing),
        Just(Latch::FoundTicked),
    ];
    let moved = prop_oneof![Just(Move::Adoption), Just(Move::Promotion), Just(Move::Rollback)];
    let versions = (
        option::of(version()),
        any::<bool>(),
        option::of(version()),
        any::<bool>(),
        moved,
    );
    (
        versions,
        key_state(),
        key_state(),
        option::of(latch),
        [(); 2].map(|()| option::of(version()).boxed()),
        row(stamp.boxed()),
        rolls(),
    )
        .prop_map(
            |(
                (release, approved, prior, prior_approved, moved),
                key_a,
                key_b,
                latch,
                recalled,
                row,
                (rollout, advance, taken_back),
            )| ChannelMemory {
                troubled: recalled[0].clone(),
                colour: recalled[0].as_ref().map(|version| ActiveColour {
                    active: version.to_string(),
                    in_place: approved,
                }),
                release,
                approved,
                prior,
                prior_approved,
                moved,
                key_a,
                key_b,
                latch,
                unfinished: recalled[1].clone().map(|from| Unfinished {
                    from: Some(from),
                    behind: approved,
                }),
                recalled,
                rollout,
                advance,
                taken_back,
                mixed: prior_approved,
                row,
            },
        )
}

fn server() -> impl Strategy<Value = Arc<ServerMemory>> {
    let source = (shared(), shared()).prop_map(|(account, region)| Source { account, region });
    let repeat = (shared(), any::<u32>(), option::of(time())).prop_map(|(after, count, retry_at)| Repeat {
        after,
        count,
        retry_at,
    });
    let place = (option::of(source), option::of(name()));
    let member = option::of((name(), any::<i64>(), any::<bool>(), option::of(shared())).prop_map(
        |(channel, id, reached, said)| Member {
            of: RolloutId(channel, id),
            reached,
            said,
        },
    ));
    let state = (any::<bool>(), any::<bool>(), option::of(time()), member);
    let repeats = btree_map(name(), repeat, 0..3);
    (
        place,
        [tags().boxed(), tags().boxed(), tags().boxed()],
        state,
        repeats,
        (
            row(shared().boxed()),
            btree_map(shared(), shared(), 0..3),
            any::<bool>(),
        ),
    )
        .prop_map(
            |(
                (source, channel),
                [seen, meant, asked],
                (held, terminated, missing_since, member),
                repeats,
                (row, shown, edited),
            )| {
                Arc::new(ServerMemory {
                    refused: None,
                    listing: Listing::default(),
                    aside: held,
                    member,
                    source,
                    channel,
                    seen,
                    meant,
                    asked,
                    held,
                    terminated,
                    missing_since,
                    repeats: repeats.into(),
                    row,
                    shown: shown.into_iter().collect(),
                    edited,
                })
            },
        )
}

fn baselines() -> impl Strategy<Value = Baselines> {
    let readings = || vec((time(), any::<u64>()), 0..3);
    let fleet = btree_map(text(), vec((time(), any::<u64>()), 0..3), 0..3);
    let unapproved =
        (time(), name(), option::of(name())).prop_map(|(at, server, from)| Unapproved { at, server, from });
    (readings(), readings(), fleet, vec(unapproved, 0..3)).prop_map(
        |(server_rows, release_rows, fleet, unapproved): (Vec<Reading>, Vec<Reading>, _, _)| Baselines {
            channels: BTreeMap::new(),
            let_through: BTreeMap::new(),
            server_rows,
            release_rows,
            fleet,
            unapproved,
        },
    )
}

fn any_event() -> impl Strategy<Value = Event> {
    let words = [(); 6].map(|()| text().boxed());
    (time(), words).prop_map(|(time, [run, channel, event, from, to, detail])| Event {
        time,
        run,
        channel,
        event,
        from,
        to,
        detail,
    })
}

fn update() -> impl Strategy<Value = Update> {
    let marks = btree_map(text(), any::<i64>(), 0..3);
    let audit = option::of((any::<bool>(), time()).prop_map(AuditTab::from));
    let binding = (text(), any::<i64>(), any::<i64>(), marks, audit, option::of(text())).prop_map(
        |(spreadsheet, release_tab, server_tab, marks, audit, rival)| Binding {
            rival,
            protected: false,
            spreadsheet,
            release_tab,
            server_tab,
            marks,
            audit,
        },
    );
    let forget = prop_oneof![3 => btree_set(name(), 0..2), 1 => Just(BTreeSet::new())];
    (
        option::of(binding),
        btree_map(name(), channel(), 0..3),
        btree_map(name(), server(), 0..4),
        forget,
        option::of(baselines()),
        option::of(time()),
        option::of(btree_map(text(), problem(), 0..3)),
        option::of(btree_set(text(), 0..3)),
        option::of(vec(any_event(), 0..3)),
        mail(),
        vec(any_event(), 0..4),
    )
        .prop_map(
            |(
                binding,
                channels,
                servers,
                forget_servers,
                baselines,
                last_stamp,
                open,
                tripped,
                unlogged,
                mail,
                events,
            )| {
                Update {
                    binding,
                    channels,
                    servers,
                    forget_servers,
                    baselines,
                    last_stamp,
                    open,
                    tripped,
                    unlogged,
                    mail,
                    events,
                }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_store_remembers_what_memory_applies(updates in vec(update(), 1..5)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("fleetsheet.db");
            let store = open(&path, Access::Write).await.unwrap();
            let mut expected = store.load().await.unwrap();
            let mut events = Vec::new();
            for update in &updates {
                store.commit(update).await.unwrap();
                expected.apply(update);
                events.extend(update.events.iter().cloned());
                assert_eq!(store.load().await.unwrap(), expected);
            }
            drop(store);
            let reader = open(&path, Access::Read).await.unwrap();
            assert_eq!(reader.load().await.unwrap(), expected);
            assert_eq!(reader.history(None, u32::MAX).await.unwrap(), events);
        });
    }
}
