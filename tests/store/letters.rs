//! What is remembered of problems and mail, at random.

use fleetsheet::mail::{Digest, Item, Letter, MailUpdate, News, OpenProblem, PassedWave, Reach, Refused, Standing};
use fleetsheet::problem::Kind;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;

use super::{text, time};

fn kind() -> impl Strategy<Value = Kind> {
    proptest::sample::select(&Kind::ALL[..])
}

pub(super) fn problem() -> impl Strategy<Value = OpenProblem> {
    let told = (
        any::<u32>(),
        any::<bool>(),
        option::of(time()),
        any::<u32>(),
        option::of(time()),
    );
    (
        kind(),
        [(); 4].map(|()| text().boxed()),
        time(),
        option::of(time()),
        told,
    )
        .prop_map(
            |(kind, [code, place, link, message], since, closed, (passes, told_open, told, changes, window))| {
                OpenProblem {
                    kind,
                    code,
                    place,
                    link,
                    message,
                    since,
                    closed,
                    passes,
                    told_open,
                    told,
                    changes,
                    window,
                }
            },
        )
}

fn news() -> impl Strategy<Value = News> {
    let reach = option::of((any::<u64>(), any::<u64>(), any::<u64>()));
    let wave = (1..9_usize, text(), any::<u64>(), time(), time());
    let wave = wave.prop_map(|(wave, to, servers, began, ended)| PassedWave {
        wave,
        to,
        servers,
        began,
        ended,
    });
    (time(), kind(), [(); 8].map(|()| text().boxed()), reach, vec(wave, 0..3)).prop_map(
        |(at, kind, [event, channel, from, to, place, link, text, advice], reach, waves)| News {
            waves,
            at,
            kind,
            event,
            channel,
            from,
            to,
            place,
            link,
            text,
            cause: advice.clone(),
            advice,
            reach: reach.map(|(carrying, concerned, failed)| Reach {
                carrying,
                concerned,
                failed,
                already: failed % 3,
            }),
        },
    )
}

fn item() -> impl Strategy<Value = Item> {
    (
        kind(),
        [(); 5].map(|()| text().boxed()),
        time(),
        option::of(time()),
        any::<bool>(),
    )
        .prop_map(
            |(kind, [fingerprint, code, place, link, message], since, until, unsteady)| Item {
                fingerprint,
                kind,
                code,
                place,
                link,
                message,
                since,
                until,
                unsteady,
            },
        )
}

fn digest() -> impl Strategy<Value = Digest> {
    let items = || vec(item(), 0..2);
    let flags = (any::<bool>(), any::<bool>());
    (
        text(),
        time(),
        text(),
        flags,
        vec(news(), 0..2),
        (items(), items()),
        (items(), items()),
    )
        .prop_map(
            |(run, at, sheet, (observe, failing), news, (new, open), (resolved, failures))| Digest {
                run,
                at,
                sheet,
                observe,
                failing,
                news,
                new,
                open,
                resolved,
                failures,
                ended: String::new(),
            },
        )
}

fn letter() -> impl Strategy<Value = Letter> {
    let people = (
        vec(text(), 0..3),
        btree_set(text(), 0..2),
        btree_map(text(), text(), 0..2),
    );
    let times = (time(), time(), option::of(time()));
    let words = [(); 4].map(|()| text().boxed());
    (people, times, any::<u32>(), any::<bool>(), words, digest()).prop_map(
        |((to, delivered, refused), (composed, waits_since, next_try), attempts, sealed, words, digest)| {
            let [trouble, subject, text, html] = words;
            Letter {
                to,
                delivered,
                refused,
                composed,
                waits_since,
                attempts,
                next_try,
                trouble,
                sealed,
                subject,
                text,
                html,
                digest,
            }
        },
    )
}

fn standing() -> impl Strategy<Value = Standing> {
    let refused = (time(), text()).prop_map(|(at, why)| Refused { at, why });
    let counts = (any::<u64>(), any::<u32>(), any::<u32>());
    (
        counts,
        text(),
        option::of(time()),
        text(),
        btree_map(text(), refused, 0..2),
    )
        .prop_map(
            |((next, failing, attempts), server, pause_until, trouble, refused)| Standing {
                next,
                failing,
                server,
                attempts,
                pause_until,
                trouble,
                refused,
            },
        )
}

pub(super) fn mail() -> impl Strategy<Value = MailUpdate> {
    let number = || "[0-9]{1,2}";
    (
        option::of(standing()),
        btree_map(number(), news(), 0..3),
        btree_set(number(), 0..3),
        btree_map(number(), letter(), 0..2),
        btree_set(number(), 0..3),
    )
        .prop_map(|(standing, news, told, letters, done)| MailUpdate {
            standing,
            news,
            told,
            letters,
            done,
        })
}
