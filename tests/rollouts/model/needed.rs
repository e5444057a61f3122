//! The rules that can be dropped, to show that a law needs each.

/// A rule, by what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Needed {
    /// Members are remembered.
    MembersRemembered,
    /// A wave is rounded down.
    RoundDown,
    /// R2: both keys go on naming the release.
    KeysStanding,
    /// R2: a third version waits.
    ThirdWaits,
    /// R1: keys on the former version take it back.
    TakenBack,
    /// R3.
    Enabled,
    /// R9.
    Manual,
    /// R8: the wave bakes.
    Bake,
    /// R11, and no growth outside windows.
    Window,
    /// (e): no start while the gate fails.
    GateBeforeStart,
    AdvanceOfItsWave,
    AdvanceLatched,
    AdvanceInRollout,
    AdvanceConfirmed,
    /// `advance` does not open a window.
    AdvanceKeepsWindow,
    /// R7 stands before `advance`.
    AdvanceStopsAtFailure,
    /// R7 and R8: the reading of this very pass.
    ReadingOfThisPass,
    NoDataKeepsFailures,
    NoDataBreaksPasses,
    FailuresBeforeSettled,
    PassesAnew,
    Interval,
    WorstOfInterval,
    /// The last wave is settled when all servers carry the version, and takes joins at once.
    LastIsAll,
    /// A pass that adds members does not find the wave settled.
    SettledWithoutAdding,
    /// At least one carries it.
    NeverEmpty,
    LateWaitForWindow,
    LateWaitWhilePaused,
    /// A member that was not seen to carry the version does not get it as drift.
    DriftOnlyBack,
    /// R5, and (b).
    Sources,
    AutoSpendsKeys,
    /// Where both name a third version, it spends them too.
    AutoSpendsThird,
    /// A rollback by a tick spends keys, too.
    TickSpendsKeys,
    /// A rollback leaves no version that another could go to.
    OneStepBack,
    /// At rest whoever is late, or was tagged by somebody else, is corrected.
    LateCorrected,
    /// R4.
    FailedStands,
    /// With no row nothing is tagged.
    RowTags,
    /// 2a before all rules of rows.
    AutoInAnyRow,
    /// Nobody is corrected towards a release that was adopted over several versions.
    QuietTakeover,
    TakeoverSpendsKeys,
    TakeoverLatches,
    /// (a) only where nobody carries a version.
    MixedInWaves,
    /// (a) only where there was no release.
    OnceOnlyAtFirst,
    EditSpendsKeys,
    RowSpendsKeys,
    Protection,
    /// R4, never 2a, for a gate that asks agents.
    AgentsOnlyPause,
}
