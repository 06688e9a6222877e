//! Accounts, projects and what the one may do in the other. Knows nothing of requests.

use crate::oci::scope::Action;

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
    pub name: String,
    pub(crate) visibility: Visibility,
    pub members: Vec<ProjectMember>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Everybody may pull, with an anonymous token.
    Public,
    Private,
}

#[derive(Clone, Debug)]
pub struct ProjectMember {
    pub account: String,
    pub role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Guest,
    Developer,
    Maintainer,
}

impl Account {
    pub(super) fn is_admin(&self) -> bool {
        self.kind == AccountKind::Admin
    }
}

impl Project {
    /// Everything `account` may do here; `None` is a caller without an account.
    pub(super) fn rights(&self, account: Option<&Account>) -> &'static [Action] {
        use Action::{Delete, Pull, Push};
        let is_member =
            |member: &&ProjectMember| account.is_some_and(|one| one.name == member.account);
        match self
            .members
            .iter()
            .find(is_member)
            .map(|member| member.role)
        {
            _ if account.is_some_and(Account::is_admin) => &[Pull, Push, Delete],
            Some(Role::Maintainer) => &[Pull, Push, Delete],
            Some(Role::Developer) => &[Pull, Push],
            Some(Role::Guest) => &[Pull],
            None => match self.visibility {
                Visibility::Public => &[Pull],
                Visibility::Private => &[],
            },
        }
    }
}

pub(super) fn example_accounts() -> Vec<Account> {
    let account = |name: &str, password: &str, kind| Account {
        name: name.into(),
        password: password.into(),
        kind,
    };
    vec![
        account("admin", "Harbor12345", AccountKind::Admin),
        account("alice", "Alice12345", AccountKind::User),
        account("bob", "Bob123456", AccountKind::User),
        account("robot$lab+ci", "Robot12345", AccountKind::Robot),
    ]
}

pub(super) fn example_projects() -> Vec<Project> {
    let member = |account: &str, role| ProjectMember {
        account: account.into(),
        role,
    };
    let lab = vec![
        member("alice", Role::Developer),
        member("bob", Role::Guest),
        member("robot$lab+ci", Role::Developer),
    ];
    let project = |name: &str, visibility, members| Project {
        name: name.into(),
        visibility,
        members,
    };
    vec![
        project("lab", Visibility::Private, lab),
        project("library", Visibility::Public, Vec::new()),
        project("pub", Visibility::Public, Vec::new()),
        project("other", Visibility::Private, Vec::new()),
    ]
}
