//! The users of Prometheus' web configuration file: names, each with the bcrypt hash of a password.

use super::document::Node;
use super::files::Making;
use super::problem::{Complaint, Key, Keyed, Problems, Shown, mask};
use super::setting::{Rule, Setting};
use super::yaml::Shape;
use bcrypt::HashParts;
use serde_json::json;
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// With 14 a password takes about a second to look at; whoever guesses would have the core meanwhile.
const MOST_COST: u32 = 14;

/// A user of the admin listener.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct AdminUser {
    pub(crate) name: String,
    /// A bcrypt hash, as `htpasswd -nBC 10` writes it.
    pub(crate) hash: String,
}

impl fmt::Debug for AdminUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminUser")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// How they are written.
pub(super) struct UsersRule;

impl Rule for UsersRule {
    fn accepted(&self) -> Cow<'static, str> {
        "a table of users' names, each with a bcrypt hash".into()
    }
}

impl Setting for Vec<AdminUser> {
    type Rule = UsersRule;
    type Draft = Vec<AdminUser>;

    fn is_needed(_: &UsersRule) -> bool {
        false
    }

    fn read(rule: &UsersRule, node: &Node<'_>, problems: &mut Problems) -> Option<Vec<AdminUser>> {
        let Shape::Table(written) = &node.value.shape else {
            node.wrong_type(rule.accepted(), problems);
            return None;
        };
        let mut users: Vec<(AdminUser, Key)> = Vec::new();
        for (name, hash) in written {
            let (Shape::Text(name), Shape::Text(hash), at) = (&name.shape, &hash.shape, name.at)
            else {
                node.wrong_type(rule.accepted(), problems);
                continue;
            };
            let key = node.key.child(&mask(name).escape_debug().to_string());
            let key = key.placed(at);
            if let Some(complaint) = flaw(name, hash, &users) {
                problems.add(&key, complaint);
                continue;
            }
            let (name, hash) = (name.clone(), hash.clone());
            users.push((AdminUser { name, hash }, key));
        }
        Some(users.into_iter().map(|(user, _)| user).collect())
    }

    fn finish(draft: &Keyed<Vec<AdminUser>>, _: &mut Making<'_, '_>) -> Option<Vec<AdminUser>> {
        Some(draft.value.clone())
    }

    fn absent(_: &mut Making<'_, '_>) -> Option<Vec<AdminUser>> {
        Some(Vec::new())
    }

    /// It stands in a file of its own, which is named.
    fn print(&self) -> Option<serde_yaml::Value> {
        None
    }

    fn schema(_: &UsersRule) -> serde_json::Value {
        json!({ "type": "object", "additionalProperties": { "type": "string" } })
    }
}

/// What is wrong with a user; the hash is a secret.
fn flaw(name: &str, hash: &str, known: &[(AdminUser, Key)]) -> Option<Complaint> {
    // What Basic can't carry (RFC 7617, section 2).
    if name.is_empty() || name.contains(|it: char| it == ':' || it.is_control()) {
        let accepted = "a user's name without a colon and without control characters";
        return Some(Complaint::value(name, accepted));
    }
    if let Some((_, first)) = known.iter().find(|(user, _)| user.name == name) {
        let (value, first) = (Shown::new(name), first.clone());
        return Some(Complaint::Twice { value, first });
    }
    match HashParts::from_str(hash).map(|parts| parts.get_cost()) {
        Ok(..=MOST_COST) => None,
        Ok(cost) => Some(Complaint::BcryptCost {
            cost,
            most: MOST_COST,
        }),
        Err(_) => Some(Complaint::NoBcrypt),
    }
}
