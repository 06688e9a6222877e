//! Logins with an ID token: every client pushes and pulls with one, and shows why one is refused; and the
//! jobs of docs/identities.md do as they are written there.

use crate::chain::InnerName;
use crate::check::{self, SMALL_LAYERS, Trip};
use crate::clients::{Client, Login, Outcome, PATIENCE, Reference, Today, Tool, docker, skopeo};
use crate::common::gateway::Gateway;
use crate::gateways::{ADMIN, registry_yaml, tls_listener};
use crate::harbor::Harbor;
use crate::hops::Upstream;
use crate::image::{Image, TAG};
use crate::world::{World, trial};
use harbormouth::testing::fake_issuer::{FakeIssuer, IssuerKey, JOB_SECRET, github, gitlab};
use libtest_mimic::Trial;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for client in Client::ALL {
        trials.extend(of(world, client));
    }
    for client in Today::ALL {
        trials.extend(of(world, client));
    }
    trials.push(trial(world, "identities::login", logins));
    trials.push(trial(world, "identities::docs::github", |world| {
        let stage = Stage::start(world, &documented("### GitHub Actions").identity);
        stage.runs(world, "### GitHub Actions", Shape::GitHub);
    }));
    trials.push(trial(world, "identities::docs::gitlab", |world| {
        let stage = Stage::start(world, TEAM);
        stage.runs(world, "### GitLab CI", Shape::GitLab);
    }));
    trials
}

fn of<C: Tool + Send + 'static>(world: &Arc<World>, client: C) -> [Trial; 2] {
    let name = client.name();
    [
        trial(world, format!("identities::pushes::{name}"), move |world| {
            pushes(world, client)
        }),
        trial(
            world,
            format!("identities::refused::{name}"),
            move |world| refused(world, client),
        ),
    ]
}

/// A GitLab's identity.
const TEAM: &str = "identities:\n  - name: team\n    issuer: ISSUER\n    audience: https://hub.example.com\n    when: claims.project_path == \"acme/app\" && claims.ref_protected == \"true\"\n    credentials: { file: robot-app.credentials }\n    repositories: [ acme/app ]\n";

#[derive(Clone, Copy)]
enum Shape {
    GitHub,
    GitLab,
}

/// An issuer, a Harbor, and the gateway with one identity.
struct Stage {
    issuer: FakeIssuer,
    key: Arc<IssuerKey>,
    harbor: Harbor,
    gateway: Gateway,
    host: String,
    _directory: TempDir,
}

impl Stage {
    /// With the `identities` of the page, for this stage's names.
    fn start(world: &World, identities: &str) -> Stage {
        let site = world.site();
        let host = site.name();
        let harbor = Harbor::start(world, &format!("https://{host}"));
        let key = Arc::new(IssuerKey::rsa("4F2D").expect("a key"));
        let issuer = world
            .runtime
            .block_on(FakeIssuer::start(&[&key]))
            .expect("an issuer");
        let directory = world.directory("identities");
        let robot = directory.path().join("robot.credentials");
        std::fs::write(&robot, "robot$lab+ci:Robot12345\n").expect("the robot");
        let identities = here(identities, &host)
            .replace("ISSUER", issuer.url())
            .replace("https://token.actions.githubusercontent.com", issuer.url())
            .replace("robot-app.credentials", &robot.to_string_lossy());
        let files = world.ca.issue(&[&host]);
        let address = SocketAddr::from((site.public_address(), 443));
        let public = format!("https://{host}");
        let gateway = Gateway::with_config(&format!(
            "listeners:\n{}{ADMIN}{identities}registries:\n{}",
            tls_listener(address, &[&files]),
            registry_yaml(
                world,
                "hq",
                &[&public],
                &Upstream::Http(harbor.address()),
                InnerName::Untold
            ),
        ));
        Stage {
            issuer,
            key,
            harbor,
            gateway,
            host,
            _directory: directory,
        }
    }

    fn claims(&self, shape: Shape) -> Value {
        let (issuer, audience) = (self.issuer.url(), format!("https://{}", self.host));
        match shape {
            Shape::GitHub => github(issuer, &audience, "lab/app", "main", now()),
            Shape::GitLab => gitlab(issuer, &audience, "lab/app", "main", now()),
        }
    }

    /// The login of a job, with another claim.
    fn login(&self, change: impl FnOnce(&mut Value)) -> Login {
        let mut claims = self.claims(Shape::GitHub);
        change(&mut claims);
        Login {
            user: "oidc".to_owned(),
            password: self.key.sign(&claims),
        }
    }

    fn image(&self) -> Reference {
        Reference {
            host: self.host.clone(),
            repository: "lab/app".to_owned(),
            tag: TAG.to_owned(),
        }
    }

    /// Runs a job as the page has it, but for its build: the image is there already.
    fn runs(&self, world: &World, heading: &str, shape: Shape) {
        let directory = world.directory("image");
        let image = Image::make(&directory.path().join("layout"), &SMALL_LAYERS);
        docker::load(world, &image, &self.image());
        let job = here(&documented(heading).script, &self.host).replace("team/app", "lab/app");
        let is_build = |line: &&str| line.starts_with("docker build ");
        assert_eq!(job.lines().filter(is_build).count(), 1, "{job}");
        let job: Vec<&str> = job.lines().filter(|line| !is_build(line)).collect();
        let key = Arc::clone(&self.key);
        let claims = self.claims(shape);
        let token = key.sign(&claims);
        // The page's own audience is what is asked for.
        self.issuer.run_job(move |audience| {
            let mut claims = claims.clone();
            claims["aud"] = audience.into();
            key.sign(&claims)
        });
        let environment = match shape {
            Shape::GitHub => format!(
                "export ACTIONS_ID_TOKEN_REQUEST_TOKEN={JOB_SECRET} ACTIONS_ID_TOKEN_REQUEST_URL='{}' \
                 GITHUB_SHA={TAG}\n",
                self.issuer.job_url()
            ),
            Shape::GitLab => format!("export HARBOR_TOKEN={token} CI_COMMIT_SHORT_SHA={TAG}\n"),
        };
        let said = docker::run_job(world, &(environment + &job.join("\n")), check::ENOUGH);
        let said = said.expect("the job");
        assert!(said.contains("Login Succeeded"), "{said}");
        let stored = self.harbor.digest_of("lab/app", TAG);
        assert!(stored.is_some(), "{said}");
        let labels = [("result", "accepted")];
        let accepted = self
            .gateway
            .metric("harbormouth_identity_logins_total", &labels);
        assert!(accepted >= 1.0, "{}", self.gateway.stderr());
    }
}

/// The page's names as this stage's.
fn here(text: &str, host: &str) -> String {
    text.replace("hub.example.com", host)
        .replace("acme/app", "lab/app")
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a clock").as_secs()
}

/// What docs/identities.md says.
struct Documented {
    /// The gateway's part.
    identity: String,
    /// The lines of the job under a heading, one command a line or with its continuation.
    script: String,
}

fn documented(heading: &str) -> Documented {
    let page = include_str!("../../docs/identities.md");
    let block = |text: &str| {
        let (_, rest) = text.split_once("```yaml\n").expect("a block");
        let (block, _) = rest.split_once("```").expect("its end");
        let indent = block.len() - block.trim_start_matches(' ').len();
        let lines = block
            .lines()
            .map(|line| line.get(indent..).unwrap_or_default());
        lines.collect::<Vec<_>>().join("\n") + "\n"
    };
    let (_, below) = page.split_once(heading).expect(heading);
    let job: serde_yaml::Value = serde_yaml::from_str(&block(below)).expect("YAML");
    let script: Vec<String> = match job["push"]["script"].as_sequence() {
        Some(script) => script
            .iter()
            .filter_map(|line| Some(line.as_str()?.to_owned()))
            .collect(),
        None => {
            assert_eq!(job["permissions"]["id-token"], "write");
            let steps = job["jobs"]["push"]["steps"].as_sequence().expect("steps");
            steps
                .iter()
                .filter_map(|step| Some(step["run"].as_str()?.to_owned()))
                .collect()
        }
    };
    Documented {
        identity: block(page),
        script: script.join("\n"),
    }
}

fn pushes(world: &World, client: impl Tool) {
    let stage = Stage::start(world, &documented("### GitHub Actions").identity);
    let trip = Trip {
        client,
        harbor: &stage.harbor,
        login: stage.login(|_| {}),
        push_to: stage.image(),
        pull_from: stage.image(),
    };
    check::works(world, &trip);
    let logs = stage.gateway.stderr();
    assert!(
        !logs.contains("eyJ") && !logs.contains("Robot12345"),
        "{logs}"
    );
}

/// The person sees the sentence.
fn refused(world: &World, client: impl Tool) {
    let stage = Stage::start(world, &documented("### GitHub Actions").identity);
    let directory = world.directory("image");
    let image = Image::make(&directory.path().join("layout"), &check::TWO_LAYERS);
    for (login, words) in [
        (
            stage.login(|it| it["ref"] = "refs/heads/fix".into()),
            "the condition of app doesn't hold",
        ),
        (
            stage.login(|it| it["exp"] = (now() - 100).into()),
            "the token expired",
        ),
    ] {
        match client.push(world, &image, &stage.image(), &login, PATIENCE) {
            // ctr shows no words of a token service, of whatever status.
            Outcome::Failed(said) if client.name().starts_with("ctr") => {
                assert!(said.contains("401 Unauthorized"), "{said}");
            }
            Outcome::Failed(said) => assert!(said.contains(words), "without {words:?}:\n{said}"),
            Outcome::Done(_) => panic!("it was pushed"),
            Outcome::Hanging(said) => panic!("it hangs:\n{said}"),
        }
    }
}

/// `docker login` and `skopeo login`, whose words are all that a job shows when it fails there.
fn logins(world: &World) {
    let stage = Stage::start(world, &documented("### GitHub Actions").identity);
    let (good, bad) = (
        stage.login(|_| {}),
        stage.login(|it| it["aud"] = "sts".into()),
    );
    let words = "the token is for the audience";
    for (name, login) in [
        (
            "docker",
            docker::login as fn(&World, &str, &Login, _) -> Outcome<String>,
        ),
        ("skopeo", skopeo::login),
    ] {
        login(world, &stage.host, &good, PATIENCE).expect(name);
        match login(world, &stage.host, &bad, PATIENCE) {
            // skopeo login makes words of its own of a 401; its push shows ours.
            Outcome::Failed(said) if name == "skopeo" => {
                assert!(said.contains("invalid username/password"), "{said}");
            }
            Outcome::Failed(said) => assert!(said.contains(words), "{name}:\n{said}"),
            Outcome::Done(said) | Outcome::Hanging(said) => panic!("{name}: {said}"),
        }
    }
}
