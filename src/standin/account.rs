//! Accounts, projects and what the one may do in the other. Knows nothing of requests.

use crate::registry::scope::Action;

/// Someone who can log in.
#[derive(Clone, Debug)]
pub struct Account {
    pub name: String,
    pub password: String,
    pub kind: AccountKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountKind {
    /// A system administrator: everything, everywhere.
    Admin,
    User,
    /// A robot account; a wrong secret never locks it.
    Robot,
}

#[derive(Clone, Debug)]
pub struct Project {
    pub(crate) name: String,
    pub(crate) visibility: Visibility,
    pub members: Vec<Member>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Everybody may pull, with an anonymous token.
    Public,
    Private,
}

#[derive(Clone, Debug)]
pub struct Member {
    pub account: String,
    pub role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Guest,
    Developer,
    Maintainer,
}

impl Project {
    /// Everything `account` may do here; `None` is a caller without an account.
    pub(super) fn rights(&self, account: Option<&Account>) -> &'static [Action] {
        use Action::{Delete, Pull, Push};
        let public: &[Action] = match self.visibility {
            Visibility::Public => &[Pull],
            Visibility::Private => &[],
        };
        let Some(account) = account else {
            return public;
        };
        if account.kind == AccountKind::Admin {
            return &[Pull, Push, Delete];
        }
        match self
            .members
            .iter()
            .find(|member| member.account == account.name)
        {
            Some(Member {
                role: Role::Guest, ..
            }) => &[Pull],
            Some(Member {
                role: Role::Developer,
                ..
            }) => &[Pull, Push],
            Some(Member {
                role: Role::Maintainer,
                ..
            }) => &[Pull, Push, Delete],
            None => public,
        }
    }
}

pub(super) fn example_accounts() -> Vec<Account> {
    [
        ("admin", "Harbor12345", AccountKind::Admin),
        ("alice", "Alice12345", AccountKind::User),
        ("bob", "Bob123456", AccountKind::User),
        ("robot$lab+ci", "Robot12345", AccountKind::Robot),
    ]
    .into_iter()
    .map(|(name, password, kind)| Account {
        name: name.into(),
        password: password.into(),
        kind,
    })
    .collect()
}

pub(super) fn example_projects() -> Vec<Project> {
    let lab = [
        ("alice", Role::Developer),
        ("bob", Role::Guest),
        ("robot$lab+ci", Role::Developer),
    ];
    let project = |name: &str, visibility, members: &[(&str, Role)]| Project {
        name: name.into(),
        visibility,
        members: members
            .iter()
            .map(|(account, role)| Member {
                account: (*account).into(),
                role: *role,
            })
            .collect(),
    };
    vec![
        project("lab", Visibility::Private, &lab),
        project("library", Visibility::Public, &[]),
        project("pub", Visibility::Public, &[]),
        project("other", Visibility::Private, &[]),
    ]
}
