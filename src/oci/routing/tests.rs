use super::*;
use crate::oci::project::ProjectPattern;
use std::sync::LazyLock;

static ORIGIN: LazyLock<Origin> =
    LazyLock::new(|| Origin::parse("https://hub.example.com").unwrap());

fn asked<'a>(operation: Operation, path: &'a str, repository: Option<&'a str>) -> Asked<'a> {
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path, None),
    };
    Asked {
        operation,
        path,
        query,
        repository,
        origin: &ORIGIN,
    }
}

/// 0 has the rest.
fn shared() -> SharedSite {
    let pattern = |text| ProjectPattern::parse(text).unwrap();
    SharedSite {
        rest: 0,
        projects: ProjectTable::new([
            (pattern("ml-*"), 1),
            (pattern("datasets"), 1),
            (pattern("team"), 2),
        ]),
        registries: vec![("hq".into(), 0), ("research".into(), 1), ("team".into(), 2)],
    }
}

#[test]
fn a_project_leads_to_its_harbor() {
    let site = Site::Shared(shared());
    for (operation, path, repository, expected) in [
        (Operation::ManifestGet, "/", Some("ml-vision/net"), 1),
        (Operation::ManifestGet, "/", Some("ml-/net"), 1),
        (Operation::ManifestGet, "/", Some("ml/net"), 0),
        (Operation::BlobGet, "/", Some("datasets/a/b"), 1),
        (Operation::BlobGet, "/", Some("datasets2/a"), 0),
        (Operation::BlobGet, "/", Some("dataset/a"), 0),
        (Operation::ManifestPut, "/", Some("team/a"), 2),
        (Operation::ManifestPut, "/", Some("teams/a"), 0),
        (Operation::Ping, "/v2/", None, 0),
        (Operation::Catalog, "/v2/_catalog", None, 0),
        (Operation::Ui, "/harbor/projects", None, 0),
        (Operation::Api, "/api/v2.0/projects/team/members", None, 2),
        (Operation::Api, "/api/v2.0/projects/ml-x", None, 1),
        (Operation::Api, "/api/v2.0/projects/7", None, 0),
        (Operation::Api, "/api/v2.0/projects", None, 0),
        (Operation::Api, "/api/v2.0/users/current", None, 0),
    ] {
        let asked = asked(operation, path, repository);
        assert_eq!(site.route(&asked), Ok(expected), "{path} {repository:?}");
    }
}

/// A token is one Harbor's: of the scope that writes, else of the first.
#[test]
fn a_token_is_asked_of_one_harbor() {
    let site = Site::Shared(shared());
    for (query, expected) in [
        ("", 0),
        ("service=harbor-registry&account=al", 0),
        ("scope=repository:ml-a/b:pull", 1),
        (
            "scope=repository:lab/b:pull&scope=repository:ml-a/b:pull",
            0,
        ),
        (
            "scope=repository:lab/b:pull&scope=repository:ml-a/b:pull,push",
            1,
        ),
        (
            "scope=repository%3Alab%2Fb%3Apull+repository%3Ateam%2Fb%3Apush%2Cpull",
            2,
        ),
        ("scope=registry:catalog:*", 0),
        ("scope=registry:catalog:*&scope=repository:team/b:pull", 2),
    ] {
        let path = format!("/service/token?{query}");
        let asked = asked(Operation::Token, &path, None);
        assert_eq!(site.route(&asked), Ok(expected), "{query}");
    }
}

#[test]
fn an_upload_ends_where_it_began() {
    let site = Site::Shared(shared());
    let upload = "/v2/ml-a/b/blobs/uploads/u?_state=x&harbormouth_registry";
    for (operation, name, expected) in [
        (Operation::UploadChunk, "hq", 0),
        (Operation::UploadCommit, "hq", 0),
        (Operation::UploadStatus, "team", 2),
        (Operation::UploadCancel, "hq", 0),
        (Operation::UploadCommit, "other", 1),
        (Operation::UploadCommit, "", 1),
        (Operation::UploadCommit, "hq&harbormouth_registry=team", 1),
        // What isn't an upload under way doesn't choose its Harbor.
        (Operation::ManifestPut, "hq", 1),
        (Operation::BlobGet, "hq", 1),
        (Operation::UploadStart, "hq", 1),
    ] {
        let path = format!("{upload}={name}");
        let asked = asked(operation, &path, Some("ml-a/b"));
        assert_eq!(site.route(&asked), Ok(expected), "{operation} {name}");
    }
}

#[test]
fn mounts_are_within_one_harbor() {
    let site = shared();
    for (one, other, expected) in [
        ("ml-a/b", "datasets/b", true),
        ("lab/a", "lab2/b", true),
        ("ml-a/b", "lab/b", false),
        ("team/b", "ml-a/b", false),
    ] {
        assert_eq!(site.is_same_harbor(one, other), expected, "{one} {other}");
    }
}

#[test]
fn patterns_are_names_or_beginnings() {
    for (text, accepted) in [
        ("datasets", true),
        ("ml-*", true),
        ("m*", true),
        ("ml.x_y", true),
        ("*", false),
        ("", false),
        ("ml-", false),
        ("ML", false),
        ("a*b", false),
        ("a**", false),
        ("a/b", false),
        ("..", false),
    ] {
        let pattern = ProjectPattern::parse(text);
        assert_eq!(pattern.is_some(), accepted, "{text}");
        if let Some(pattern) = pattern {
            assert_eq!(pattern.to_string(), text);
        }
    }
    for (one, other, overlap) in [
        ("ml-*", "ml-a", true),
        ("ml-*", "ml*", true),
        ("a", "a", true),
        ("a", "a*", true),
        ("ml-*", "ml", false),
        ("a", "b", false),
        ("ml-a", "ml-b*", false),
    ] {
        let [one, other] = [one, other].map(|text| ProjectPattern::parse(text).unwrap());
        assert_eq!(one.overlaps(&other), overlap, "{one} {other}");
        assert_eq!(other.overlaps(&one), overlap, "{other} {one}");
    }
}

fn mirrors() -> Vec<MirrorSite> {
    let mirror = |number, sources: &[&str]| MirrorSite {
        number,
        sources: sources.iter().map(|source| (*source).to_owned()).collect(),
    };
    vec![
        mirror(4, &["docker.io"]),
        mirror(5, &["ghcr.io", "quay.io"]),
    ]
}

/// `ns` is a key of the list, and nothing else.
#[test]
fn the_source_chooses_the_mirror() {
    let all = Site::Mirrors(mirrors());
    let one = Site::Mirrors(mirrors()[..1].to_vec());
    let none = Site::Mirrors(vec![MirrorSite {
        number: 4,
        sources: Vec::new(),
    }]);
    let unknown = Err(NoRoute::UnknownSource);
    let manifest = "/v2/library/nginx/manifests/1";
    for (site, query, expected) in [
        (&all, "?ns=docker.io", Ok(4)),
        (&all, "?ns=quay.io", Ok(5)),
        (&all, "?ns=QUAY.io", Ok(5)),
        (&all, "?n%73=quay.io", Ok(5)),
        (&all, "?ns=ghcr.io&ns=docker.io", unknown),
        (&all, "?ns=169.254.169.254", unknown),
        (&all, "?ns=hub.example.com", unknown),
        (&all, "", unknown),
        (&one, "", Ok(4)),
        (&one, "?ns=docker.io", Ok(4)),
        (&one, "?ns=hub.example.com", Ok(4)),
        (&one, "?ns=quay.io", unknown),
        (&none, "", Ok(4)),
        (&none, "?ns=docker.io", unknown),
    ] {
        let path = format!("{manifest}{query}");
        let asked = asked(Operation::ManifestGet, &path, Some("library/nginx"));
        assert_eq!(site.route(&asked), expected, "{query}");
    }
    for path in ["/v2/", "/service/token?service=harbor-registry"] {
        let asked = asked(Operation::Ping, path, None);
        assert_eq!(all.route(&asked), Ok(4), "{path}");
    }
}

/// What each client's pulls and pushes ask with.
#[test]
fn pushes_are_not_told_of_what_another_site_has() {
    const SEVERAL: &str = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.index.v1+json";
    let any = format!("{SEVERAL}, */*");
    let one = "application/vnd.oci.image.manifest.v1+json, */*";
    let digest = "sha256:aa";
    for (client, reference, accepted, expected) in [
        (ClientFamily::Containerd, "v1", any.as_str(), true),
        (ClientFamily::Containerd, digest, &any, true),
        (ClientFamily::Containerd, "v1", one, false),
        (ClientFamily::DockerContainerd, digest, one, false),
        (ClientFamily::GoContainerregistry, "v1", SEVERAL, false),
        (ClientFamily::Oras, "v1", SEVERAL, true),
        (ClientFamily::Oras, digest, SEVERAL, false),
        (ClientFamily::Other, "v1", "*/*", false),
        (ClientFamily::Other, "v1", "", false),
    ] {
        let found = begins_pull(client, reference, accepted);
        assert_eq!(found, expected, "{client:?} {reference} {accepted}");
    }
    for (operation, may_be_push, expected) in [
        (Operation::ManifestGet, true, true),
        (Operation::BlobGet, true, true),
        (Operation::ManifestHead, false, true),
        (Operation::ManifestHead, true, false),
        (Operation::BlobHead, false, false),
        (Operation::Tags, false, false),
        (Operation::ManifestPut, false, false),
    ] {
        let found = may_be_elsewhere(operation, || may_be_push);
        assert_eq!(found, expected, "{operation} {may_be_push}");
    }
}

fn hub() -> Naming {
    Naming::of("dockerhub", &["docker.io".to_owned()])
}

fn team() -> Naming {
    Naming::of("team", &[])
}

#[test]
fn names_are_below_the_project_there() {
    for (naming, here, there) in [
        (hub(), "library/nginx", "dockerhub/library/nginx"),
        (hub(), "nginx", "dockerhub/library/nginx"),
        (hub(), "grafana/grafana", "dockerhub/grafana/grafana"),
        (team(), "app", "team/app"),
        (team(), "a/b/c", "team/a/b/c"),
        (team(), "team/app", "team/team/app"),
    ] {
        assert_eq!(naming.there(here), there);
    }
    let hub = hub();
    assert_eq!(hub.here("dockerhub/library/nginx"), Some("library/nginx"));
    for other in ["dockerhub2/a", "dockerhub", "dockerhub/", "lab/dockerhub/a"] {
        assert_eq!(hub.here(other), None, "{other}");
    }
}

#[test]
fn paths_and_queries_are_in_harbors_names() {
    let path = |path: &str, repository| hub().upstream_path(path, repository).into_owned();
    assert_eq!(
        path("/v2/nginx/manifests/1", Some("nginx")),
        "/v2/dockerhub/library/nginx/manifests/1"
    );
    assert_eq!(
        path(
            "/v2/a/blobs/uploads/blobs/uploads/u",
            Some("a/blobs/uploads")
        ),
        "/v2/dockerhub/a/blobs/uploads/blobs/uploads/u"
    );
    assert_eq!(path("/v2/", None), "/v2/");
    for (operation, query, expected) in [
        (
            Operation::Token,
            "service=harbor-registry&scope=repository%3Alibrary%2Fnginx%3Apull&account=al",
            "service=harbor-registry&scope=repository:dockerhub/library/nginx:pull&account=al",
        ),
        (
            Operation::Token,
            "scope=repository:a/b:pull+repository:lab/c:pull,push&scope=registry:catalog:*",
            "scope=repository:dockerhub/a/b:pull%20repository:dockerhub/lab/c:pull,push&scope=registry:catalog:%2A",
        ),
        // Below the project, whatever the name is.
        (
            Operation::Token,
            "scope=repository:../lab/secret:pull",
            "scope=repository:dockerhub/../lab/secret:pull",
        ),
        (
            Operation::Token,
            "s%63ope=repository:lab/x:pull",
            "s%63ope=repository:dockerhub/lab/x:pull",
        ),
        (
            Operation::Token,
            "scope=repository:lab/x:pull;y&service=s",
            "service=s",
        ),
        (
            Operation::UploadMount,
            "mount=sha256%3Aaa&from=library%2Fbase",
            "mount=sha256%3Aaa&from=dockerhub/library/base",
        ),
        (Operation::ManifestGet, "ns=docker.io", ""),
        (Operation::ManifestGet, "a=b&ns=docker.io&c", "a=b&c"),
        (
            Operation::UploadCommit,
            "_state=a%2Bb&digest=sha256%3Aaa",
            "_state=a%2Bb&digest=sha256%3Aaa",
        ),
        (Operation::Catalog, "", "n=1000"),
        (Operation::Catalog, "n=5", "n=5"),
        (Operation::Catalog, "n=1000000", "n=1000"),
        (
            Operation::Catalog,
            "n=5&last=nginx",
            "n=5&last=dockerhub/library/nginx",
        ),
        (
            Operation::Catalog,
            "harbormouth_last=lab%2Fx&n=5",
            "last=lab%2Fx&n=5",
        ),
        (Operation::Tags, "n=5&last=v1", "n=5&last=v1"),
    ] {
        assert_eq!(hub().upstream_query(operation, query), expected, "{query}");
    }
}

#[test]
fn answers_are_in_the_clients_names() {
    let hub = hub();
    for (there, here) in [
        (
            "/v2/dockerhub/library/nginx/manifests/1",
            Some("/v2/library/nginx/manifests/1"),
        ),
        (
            "/v2/dockerhub/a/tags/list?last=b&n=1",
            Some("/v2/a/tags/list?last=b&n=1"),
        ),
        (
            "/v2/_catalog?last=lab%2Fx&n=1",
            Some("/v2/_catalog?harbormouth_last=lab%2Fx&n=1"),
        ),
        ("/v2/lab/x/manifests/1", None),
        ("https://storage.example.com/v2/dockerhub/x", None),
        ("/dockerhub/x", None),
    ] {
        assert_eq!(hub.path_here(there).as_deref(), here, "{there}");
    }
    assert_eq!(
        hub.scopes_here(
            "repository:dockerhub/a:pull,push repository:lab/b:pull registry:catalog:*"
        ),
        "repository:a:pull,push repository:lab/b:pull registry:catalog:*"
    );
    let page = br#"{"repositories":["dockerhub2/x","dockerhub/a","dockerhub/library/b","lab/c"]}"#;
    let here = hub.catalog_here(page).unwrap();
    assert_eq!(here, b"{\"repositories\":[\"a\",\"library/b\"]}\n");
    assert_eq!(hub.catalog_here(b"{}").unwrap(), b"{\"repositories\":[]}\n");
    assert_eq!(hub.catalog_here(b"<html>"), None);
}

/// A table of thousands is searched as one of three.
#[test]
fn every_project_of_a_large_table_is_found() {
    let pattern = |text: &str| ProjectPattern::parse(text).unwrap();
    let names: Vec<String> = (0..5000).map(|n| format!("p{n:04}")).collect();
    let beginnings: Vec<String> = (0..500).map(|n| format!("q{n:03}-*")).collect();
    let all = names.iter().chain(&beginnings).enumerate();
    let table = ProjectTable::new(all.map(|(number, text)| (pattern(text), number)));
    for (number, name) in names.iter().enumerate() {
        assert_eq!(table.find(name), Some(number), "{name}");
        assert_eq!(table.find(&format!("{name}x")), None);
    }
    for (number, text) in beginnings.iter().enumerate() {
        let project = text.replace('*', "z");
        assert_eq!(table.find(&project), Some(5000 + number), "{project}");
    }
}
