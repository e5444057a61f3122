//! An account as the configuration describes it.

/// An account and its regions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name in the configuration.
    pub name: String,
    /// The role to assume in it; `None` uses the credentials that fleetsheet runs with.
    pub role: Option<Role>,
    /// Its regions. STS is asked for the role in whichever of them it answers.
    pub regions: Vec<String>,
}

/// A role to assume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// What its trust policy may ask for besides: roles of other organisations often do. It is no secret.
    pub external_id: Option<String>,
}
