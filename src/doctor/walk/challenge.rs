//! The challenge of a registry: which login it asks for.

use super::location::UploadReference;
use crate::oci::challenge::parse;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ChallengeKind {
    /// Everybody is let in.
    Open,
    Basic,
    Bearer {
        realm: UploadReference,
        service: Option<String>,
    },
    /// It wants something that can't be read or given.
    Unusable,
}

impl ChallengeKind {
    /// Of a 401; a Bearer challenge is preferred, as clients do.
    pub(super) fn read<'v>(values: impl Iterator<Item = &'v str>) -> ChallengeKind {
        let mut best = ChallengeKind::Unusable;
        for value in values {
            for challenge in parse(value).unwrap_or_default() {
                if challenge.is_bearer() {
                    let realm = challenge.param("realm").map(|realm| realm.value.as_ref());
                    if let Some(realm) = realm.and_then(UploadReference::read) {
                        let service = challenge.param("service");
                        return ChallengeKind::Bearer {
                            realm,
                            service: service.map(|service| service.value.to_string()),
                        };
                    }
                } else if challenge.scheme.eq_ignore_ascii_case("basic") {
                    best = ChallengeKind::Basic;
                }
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::origin::Origin;

    #[test]
    fn challenges_are_taken_as_clients_take_them() {
        let bearer = |origin: &str, target: &str, service: Option<&str>| ChallengeKind::Bearer {
            realm: UploadReference {
                origin: Origin::parse(origin).ok(),
                target: target.into(),
            },
            service: service.map(Into::into),
        };
        for (values, expected) in [
            (
                &[r#"Bearer realm="https://hub/service/token",service="harbor-registry""#][..],
                bearer("https://hub", "/service/token", Some("harbor-registry")),
            ),
            (
                &[
                    r#"Basic realm="x""#,
                    r#"bearer Realm="http://core:8080/t?a=b""#,
                ],
                bearer("http://core:8080", "/t?a=b", None),
            ),
            (
                &[r#"Bearer realm="https,http://hub/service/token""#],
                bearer("", "/service/token", None),
            ),
            (
                &[r#"Bearer realm="/service/token",service="s""#],
                bearer("", "/service/token", Some("s")),
            ),
            (&[r#"Basic realm="harbor""#], ChallengeKind::Basic),
            (&[r#"Bearer realm="""#, "Basic"], ChallengeKind::Basic),
            (&[r#"Bearer realm="https://hub""#], ChallengeKind::Unusable),
            (&[r#"Bearer service="s""#], ChallengeKind::Unusable),
            (&["Negotiate"], ChallengeKind::Unusable),
            (&[""], ChallengeKind::Unusable),
            (&["=,="], ChallengeKind::Unusable),
            (&[], ChallengeKind::Unusable),
        ] {
            assert_eq!(
                ChallengeKind::read(values.iter().copied()),
                expected,
                "{values:?}"
            );
        }
    }
}
