//! The laws, each over what happened and what people did; none asks the decider why. Of L7, that a rollout ends, this holds
//! what one pass can show, that nobody is left behind; the rest is told in stories.

use super::decider::{Rule, Said};
use super::ghosts::{Event, Ghosts, Tick};
use super::world::{Config, IDS, LAST, NONE, Reading, Row, Version, World, has};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Law {
    L1,
    L2,
    L3,
    L4,
    L5,
    L6,
    L7,
    L8,
}

/// A pass that is committed, before its first tag is written: the world and the ghosts as it found them, and what it says.
pub(crate) struct Scene<'a> {
    pub(crate) world: &'a World,
    pub(crate) ghosts: &'a Ghosts,
    pub(crate) said: &'a Said,
    pub(crate) event: Event,
    pub(crate) config: &'a Config,
}

pub(crate) type Broken = (Law, &'static str);

/// What a law says of a pass that breaks it.
type Holds = fn(&Scene<'_>) -> Option<&'static str>;

/// The laws that a pass breaks.
pub(crate) fn broken(scene: &Scene<'_>) -> Option<Broken> {
    let laws: [(Law, Holds); 8] = [
        (Law::L1, keys),
        (Law::L2, left),
        (Law::L3, sizes),
        (Law::L4, windows),
        (Law::L5, proof),
        (Law::L6, ticks),
        (Law::L7, ends),
        (Law::L8, versions),
    ];
    laws.iter().find_map(|(law, holds)| holds(scene).map(|why| (*law, why)))
}

impl Scene<'_> {
    /// The only row.
    fn row(&self) -> Option<&Row> {
        self.world.row()
    }

    fn enabled(&self) -> bool {
        self.row().is_some_and(|row| row.enabled)
    }

    fn is_under_way(&self) -> bool {
        self.said.wave.is_some()
    }

    /// A promotion begins or goes on.
    fn goes_on(&self) -> bool {
        matches!(self.event, Event::Start | Event::Turned | Event::Wave | Event::AtOnce)
    }

    fn leaves_a_wave(&self) -> bool {
        matches!(self.event, Event::Wave | Event::Done)
    }

    /// Servers that are tagged: which, what they carry, with what.
    fn moves(&self) -> impl Iterator<Item = (usize, Version, Version)> {
        let world = self.world;
        let moves = (0..IDS).filter_map(|id| self.said.moves[id].map(|to| (id, to)));
        moves.map(move |(id, to)| (id, world.servers[id].map_or(NONE, |server| server.tag), to))
    }

    /// Servers that get the new version of a rollout for the first time.
    fn passes(&self) -> impl Iterator<Item = (usize, Version)> {
        let new = self.is_under_way().then_some(self.said.release);
        let got = if self.event == Event::Start { 0 } else { self.ghosts.got };
        let first = self
            .moves()
            .filter(move |(id, _, to)| new == Some(*to) && !has(got, *id));
        first.map(|(id, from, _)| (id, from))
    }

    /// How many servers of the channel live, in sight or not, and are not held.
    fn alive(&self, which: impl Fn(usize, Version) -> bool) -> usize {
        let servers = self.world.servers.iter().enumerate();
        servers
            .filter(|(id, _)| has(self.ghosts.seen, *id))
            .filter(|(id, server)| server.is_some_and(|server| !server.held && which(*id, server.tag)))
            .count()
    }

    fn blind(&self) -> bool {
        (0..IDS).any(|id| has(self.ghosts.seen, id) && self.world.seen(id).is_none())
    }

    fn keys_stand(&self) -> bool {
        self.ghosts.keys_name(self.world, self.said.release) && self.ghosts.vouched == [true; 2]
    }
}

/// L1: no start, no wave and no server's move to a new version without both keys, typed by their owners and standing.
fn keys(scene: &Scene<'_>) -> Option<&'static str> {
    if scene.goes_on() && !scene.keys_stand() {
        return Some("a promotion goes on without both keys");
    }
    if scene.passes().next().is_some() && !scene.keys_stand() {
        return Some("a server passes to the new version without both keys");
    }
    if scene.moves().next().is_some() && scene.event != Event::Back && scene.world.rows().next().is_none() {
        return Some("a channel without a row is tagged");
    }
    if scene.is_under_way() {
        return None;
    }
    let official = match scene.event {
        Event::Done | Event::AtOnce | Event::Back => scene.said.release,
        // Who meets a channel is judged by what it does afterwards, but for those that it moves at once.
        Event::Met => NONE,
        _ => scene.ghosts.official,
    };
    let lawful = |(_, from, to): (usize, Version, Version)| to == official || from == NONE;
    (!scene.moves().all(lawful)).then_some("a server is moved to a version that no keys approved")
}

/// L2: a version that was left returns only by keys typed since.
fn left(scene: &Scene<'_>) -> Option<&'static str> {
    let said = scene.said;
    if scene.event == Event::Back && said.release != NONE && scene.ghosts.gone & (1 << said.release) != 0 {
        return Some("a rollback goes to a version that was left");
    }
    if scene.goes_on() && scene.ghosts.untouched {
        return Some("a promotion goes on by keys that stood when a gate took the release back");
    }
    let returns = scene.goes_on() || scene.passes().next().is_some();
    (returns && scene.ghosts.stale != [false; 2]).then_some("a version that was left returns by keys typed before")
}

/// L3: members never exceed the wave's size, and nobody but the end lets them go.
fn sizes(scene: &Scene<'_>) -> Option<&'static str> {
    if scene.event == Event::AtOnce && scene.alive(|_, tag| tag != NONE) > 0 {
        return Some("a channel moves whole over versions that its servers carry");
    }
    if (scene.goes_on() || scene.leaves_a_wave()) && scene.blind() {
        return Some("a wave starts or ends while part of the channel is out of sight");
    }
    let wave = scene.said.wave?;
    if scene.event == Event::Met {
        return None;
    }
    let members = scene.said.members;
    let before = if scene.event == Event::Start {
        0
    } else {
        scene.ghosts.members()
    };
    if members & !before != 0 {
        let all = scene.alive(|_, _| true);
        let share = all * scene.config.waves[usize::from(wave)].0;
        if scene.alive(|id, _| has(members, id)) > 1 && scene.alive(|id, _| has(members, id)) * 100 > share {
            return Some("more members than the wave has places");
        }
    }
    if (0..IDS).any(|id| has(before & !members, id) && scene.world.servers[id].is_some()) {
        return Some("a member is let go");
    }
    if scene
        .moves()
        .any(|(id, _, to)| to == scene.said.release && !has(members, id))
    {
        return Some("a server gets the new version and is no member");
    }
    let sent_back =
        |(id, _, to): (usize, Version, Version)| to != scene.said.release && has(before & scene.ghosts.got, id);
    scene.moves().any(sent_back).then_some("a member is sent back")
}

/// L4: in a rollout nothing passes from former to new outside a window, or while not enabled.
fn windows(scene: &Scene<'_>) -> Option<&'static str> {
    if scene.goes_on() && !(scene.world.open && scene.enabled()) {
        return Some("a promotion goes on outside the window, or not enabled");
    }
    let late = |(_, from): (usize, Version)| !scene.enabled() || (!scene.world.open && from != NONE);
    scene
        .passes()
        .any(late)
        .then_some("a server passes outside the window, or not enabled")
}

/// L5: no wave is left without its proof, none starts or ends on a failing reading, and failing for long has its end.
fn proof(scene: &Scene<'_>) -> Option<&'static str> {
    let (world, ghosts, config) = (scene.world, scene.ghosts, scene.config);
    // Agents are asked on members, of which there are none before the start.
    let starts = scene.event == Event::Start && !config.agents;
    if (scene.leaves_a_wave() || starts) && world.reading == Reading::Fail {
        return Some("a wave starts or ends in a pass whose reading fails");
    }
    if scene.event == Event::AtOnce && ghosts.release() != NONE {
        return Some("a promotion goes without waves");
    }
    let had_rollout = ghosts.wave().is_some() && scene.event != Event::Met;
    if ghosts.failed && had_rollout {
        let row = if world.unreadable {
            ghosts.listed
        } else {
            world.rows[0].is_some()
        };
        if config.only_pauses() || ghosts.previous() == NONE {
            if scene.leaves_a_wave() || scene.passes().next().is_some() {
                return Some("a rollout goes on that a gate has stopped");
            }
        } else if row && scene.event != Event::Back {
            return Some("a gate goes on failing, and nothing is rolled back");
        }
    }
    if !scene.leaves_a_wave() {
        return None;
    }
    let whole = ghosts.wave() == Some(LAST);
    let asked = |id: usize| whole || has(ghosts.members(), id);
    let carrying = scene.alive(|id, tag| asked(id) && tag == ghosts.release());
    if carrying == 0 || carrying != scene.alive(|id, _| asked(id)) {
        return Some("a wave is left while a member does not carry the version, or nobody is alive");
    }
    if ghosts.failures(config) > 0 {
        return Some("a wave is left while the gate's last word is a failure");
    }
    (ghosts.advance == Tick::None).then(|| short(scene)).flatten()
}

/// What is lacking to leave the wave without a tick.
fn short(scene: &Scene<'_>) -> Option<&'static str> {
    let (world, ghosts, config) = (scene.world, scene.ghosts, scene.config);
    let baked = ghosts.settled.is_some_and(|settled| world.now >= settled + config.bake);
    if !baked {
        return Some("a wave is left before it has baked");
    }
    if ghosts.passes(config) < config.passes || world.reading != Reading::Pass {
        return Some("a wave is left without its own passes");
    }
    let manual = ghosts.wave().is_some_and(|wave| config.waves[usize::from(wave)].1);
    manual.then_some("a manual wave is left by itself")
}

/// L6: one tick, one wave, one rollback; and no rollback without a reason.
fn ticks(scene: &Scene<'_>) -> Option<&'static str> {
    let (world, ghosts) = (scene.world, scene.ghosts);
    if scene.event == Event::Back {
        let ticked = ghosts.rollback == Tick::Given;
        let failed = ghosts.failed && !scene.config.only_pauses() && ghosts.previous() != NONE;
        let keys = ghosts.wave().is_some() && scene.keys_stand();
        if !(ticked && !world.unreadable || failed || keys) {
            return Some("a rollback without a tick, a gate or keys");
        }
    }
    if scene.leaves_a_wave() && ghosts.advance == Tick::Over && short(scene).is_some() {
        return Some("a tick serves another wave");
    }
    None
}

/// L7, in one pass: at rest everybody is brought to the release; in a rollout that may go on, every member is.
fn ends(scene: &Scene<'_>) -> Option<&'static str> {
    let (world, said, ghosts) = (scene.world, scene.said, scene.ghosts);
    if scene.event == Event::Met || (world.rows().next().is_none() && scene.event != Event::Back) {
        return None;
    }
    let everybody = match scene.event {
        Event::Done | Event::AtOnce | Event::Back => true,
        _ => !scene.is_under_way() && ghosts.official == said.release,
    };
    let stopped = ghosts.failed && (scene.config.only_pauses() || said.previous == NONE);
    let may_go_on = scene.is_under_way() && scene.keys_stand() && scene.enabled() && world.open && !stopped;
    let behind = |id: &usize| {
        let asked = everybody || (may_go_on && !keys_are_spent(said) && has(said.members, *id));
        let late = world
            .seen(*id)
            .is_some_and(|server| !server.held && server.tag != said.release);
        asked && late && said.moves[*id].is_none()
    };
    let lost = said.release != NONE && (0..IDS).any(|id| behind(&id));
    lost.then_some("a server is left behind")
}

/// Keys may be spent for longer than an onlooker can see: until a pass has seen them hold something else.
fn keys_are_spent(said: &Said) -> bool {
    matches!(said.rule, Rule::Spent | Rule::Latched)
}

/// L8: at most two versions, and the former one has been through its own rollout.
fn versions(scene: &Scene<'_>) -> Option<&'static str> {
    let (said, ghosts) = (scene.said, scene.ghosts);
    if scene.event == Event::Turned {
        return Some("one rollout turns into another");
    }
    if scene.event == Event::Back && said.release != ghosts.previous() {
        return Some("a rollback goes elsewhere");
    }
    let begins = scene.event == Event::Start || (scene.event == Event::Met && said.wave.is_some());
    if begins && said.previous != NONE && ghosts.proven & (1 << said.previous) == 0 {
        return Some("the former version has not been through");
    }
    if scene.event == Event::Start && said.previous != ghosts.official {
        return Some("the former version is not the one that everybody may carry");
    }
    let mine =
        |(_, _, to): (usize, Version, Version)| to == said.release || (said.wave.is_some() && to == said.previous);
    (!scene.moves().all(mine)).then_some("a third version")
}
