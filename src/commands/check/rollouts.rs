//! Gates and windows: each gate is asked once, about a channel that it watches.

use chrono::{DateTime, Utc};
use futures_util::future::join_all;

use crate::adapters::cloudwatch::CloudWatch;
use crate::adapters::ec2::Ec2;
use crate::calls::Calls;
use crate::clients::prometheus;
use crate::config::Config;
use crate::gate::{GateClients, QuerySource};
use crate::memory::Memory;
use crate::pass::ask_gate;
use crate::plan::gate::ask;
use crate::prerequisites::{Finding, judge_agents, judge_gate, judge_gates, judge_order, judge_windows, watched};
use crate::sheet::parse::Sheet;

/// What is found of gates and windows.
pub(super) async fn check_rollouts(
    config: &Config,
    cloud: &Ec2,
    sheet: Option<&Sheet>,
    memory: Option<&Memory>,
    calls: &Calls,
    now: DateTime<Utc>,
) -> Vec<Finding> {
    let rollouts = &config.rollouts;
    let (prometheus, alarms) = (
        prometheus(config, calls.clone()),
        CloudWatch::beside(cloud, calls.clone()),
    );
    let clients = GateClients {
        queries: prometheus.as_ref().map(|it| it as &dyn QuerySource),
        alarms: Some(&alarms),
    };
    let asked = rollouts.gates.values().map(|gate| async move {
        let about = watched(gate, rollouts, sheet, memory);
        let taken = ask_gate(clients, gate, &ask(gate, &about.cohorts(), None, now), now).await;
        judge_gate(gate, &about, &taken)
    });
    let mut findings = join_all(asked).await;
    findings.extend(judge_gates(config));
    findings.extend(judge_windows(config, sheet, memory, now));
    findings.extend(judge_order(rollouts, sheet, memory));
    findings.extend(sheet.into_iter().flat_map(judge_agents));
    findings
}
