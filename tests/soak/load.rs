//! Clients at work: each logs in, pushes what nobody has pushed before, pulls what is known, and
//! writes down what it was told.

use crate::book::{Book, Commit, Failure, Trouble};
use crate::client::{Answer, Body, Connection, Protocol, paced, request, whole};
use crate::random::Random;
use crate::stage::Doors;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const REPOSITORY: &str = "/v2/lab/soak";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Between two requests of one client. With eight clients about ten requests a second, and two to
/// three GiB of layers an hour.
const THINK: std::ops::Range<u64> = 100..900;

/// One client until it is told to stop.
pub async fn work(
    doors: Arc<Doors>,
    book: Arc<Book>,
    mut random: Random,
    protocol: Protocol,
    stop: Arc<AtomicBool>,
) {
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        let address = doors.pick(&mut random);
        let mut session = Session {
            book: &book,
            protocol,
            connection: None,
            token: String::new(),
            began,
            asked: began,
            what: String::new(),
        };
        if let Err(trouble) = session.run(&doors, address, &mut random, &stop).await {
            // A token that is no longer taken was once.
            let from = match trouble {
                Trouble::Status(401) => session.began,
                Trouble::Status(_) | Trouble::Broken | Trouble::Stale | Trouble::Late => {
                    session.asked
                }
            };
            book.failed(Failure {
                what: format!("{protocol:?} {}", session.what),
                trouble,
                from,
                until: Instant::now(),
            });
            tokio::time::sleep(Duration::from_millis(random.between(THINK))).await;
        }
    }
}

/// Beyond so many that are lost or wrong the rest isn't looked at.
const ENOUGH: usize = 20;

/// Pulls everything that was ever answered with 201; what is missing or wrong is in the book.
pub async fn verify(doors: &Arc<Doors>, book: &Arc<Book>, random: &mut Random) {
    let commits = Arc::new(std::sync::Mutex::new(book.commits()));
    let mut workers = tokio::task::JoinSet::new();
    for protocol in [
        Protocol::Http1,
        Protocol::Http2,
        Protocol::Http1,
        Protocol::Http2,
    ] {
        let (doors, book, commits) = (doors.clone(), book.clone(), commits.clone());
        let mut random = random.fork();
        workers.spawn(async move {
            let next = || commits.lock().expect("the commits").pop();
            let mut session = None;
            while let Some(commit) = next().filter(|_| book.wrongs().len() < ENOUGH) {
                let mut checked = Err(Trouble::Broken);
                // A connection takes only so many requests, and may be full just now.
                for _ in 0..2 {
                    checked =
                        check(&doors, &book, &mut random, protocol, &mut session, &commit).await;
                    if checked.is_ok() {
                        break;
                    }
                    session = None;
                }
                if let Err(trouble) = checked {
                    book.wrong(format!("lost: {} ({trouble:?})", commit.path));
                }
            }
        });
    }
    while workers.join_next().await.is_some() {}
}

async fn check<'a>(
    doors: &Doors,
    book: &'a Book,
    random: &mut Random,
    protocol: Protocol,
    session: &mut Option<Session<'a>>,
    commit: &Commit,
) -> Result<(), Trouble> {
    let session = match session {
        Some(session) => session,
        None => session.insert(Session::open(doors, book, random, protocol).await?),
    };
    session.pull(commit).await
}

/// One connection's worth of work.
struct Session<'a> {
    book: &'a Book,
    protocol: Protocol,
    connection: Option<Connection>,
    token: String,
    began: Instant,
    asked: Instant,
    what: String,
}

impl<'a> Session<'a> {
    async fn open(
        doors: &Doors,
        book: &'a Book,
        random: &mut Random,
        protocol: Protocol,
    ) -> Result<Session<'a>, Trouble> {
        let began = Instant::now();
        let mut session = Session {
            book,
            protocol,
            connection: None,
            token: String::new(),
            began,
            asked: began,
            what: String::new(),
        };
        session.connect(doors, doors.pick(random)).await?;
        session.log_in().await?;
        Ok(session)
    }

    async fn connect(
        &mut self,
        doors: &Doors,
        address: std::net::SocketAddr,
    ) -> Result<(), Trouble> {
        self.what = format!("connect {address}");
        let connection = Connection::open(address, &doors.trust, self.protocol).await?;
        self.connection = Some(connection);
        Ok(())
    }

    async fn run(
        &mut self,
        doors: &Doors,
        address: std::net::SocketAddr,
        random: &mut Random,
        stop: &AtomicBool,
    ) -> Result<(), Trouble> {
        self.connect(doors, address).await?;
        self.log_in().await?;
        for _ in 0..random.between(2..8) {
            let connection = self.connection.as_mut().ok_or(Trouble::Broken)?;
            if stop.load(Ordering::Relaxed) || !connection.is_open().await {
                return Ok(());
            }
            match self.book.any_commit(random.next()) {
                Some(commit) if random.once_in(2) => self.pull(&commit).await?,
                _ => self.push(random).await?,
            }
            tokio::time::sleep(Duration::from_millis(random.between(THINK))).await;
        }
        Ok(())
    }

    async fn log_in(&mut self) -> Result<(), Trouble> {
        let basic = format!("Basic {}", STANDARD.encode("alice:Alice12345"));
        let path = "/service/token?service=harbor-registry&scope=repository:lab/soak:pull,push";
        let authorization = [("authorization", basic)];
        let answer = self.ask("GET", path, &authorization, whole("")).await?;
        expect(&answer, 200)?;
        let answer: serde_json::Value = serde_json::from_slice(&answer.body)
            .map_err(|_| Trouble::Status(answer.status.as_u16()))?;
        let token = answer["token"].as_str().unwrap_or_default();
        self.token = format!("Bearer {token}");
        Ok(())
    }

    async fn push(&mut self, random: &mut Random) -> Result<(), Trouble> {
        let size = match random.between(0..100) {
            0 => random.between(2_000_000..6_000_000),
            1..10 => random.between(64_000..1_000_000),
            _ => random.between(1..64_000),
        };
        let content = Bytes::from(random.bytes(usize::try_from(size).expect("a size")));
        let digest = digest(&content);
        let location = self.start().await?;
        let location = match random.between(0..3) {
            0 => location,
            way => self.patch(&location, &content, way, random).await?,
        };
        let rest = if location.1 {
            whole("")
        } else {
            whole(content.clone())
        };
        let path = format!("{}{}digest={digest}", location.0, separator(&location.0));
        let answer = self.send("PUT", &path, &[], rest).await?;
        expect(&answer, 201)?;
        self.told(&answer, &format!("blobs/{digest}"), &digest);
        if random.once_in(4) {
            self.tag(&digest, content.len(), random).await?;
        }
        self.book.count(&self.book.pushes, 1);
        self.book.count(&self.book.bytes, content.len());
        Ok(())
    }

    /// Where the upload goes on, and that nothing of it has been sent.
    async fn start(&mut self) -> Result<(String, bool), Trouble> {
        let path = format!("{REPOSITORY}/blobs/uploads/");
        let answer = self.send("POST", &path, &[], whole("")).await?;
        expect(&answer, 202)?;
        Ok((local(&answer.header("location")), false))
    }

    /// Sends the content, at once or as over a slow line.
    async fn patch(
        &mut self,
        location: &(String, bool),
        content: &Bytes,
        way: u64,
        random: &mut Random,
    ) -> Result<(String, bool), Trouble> {
        let body = match way {
            1 => whole(content.clone()),
            _ => {
                let pause = Duration::from_millis(random.between(5..120));
                paced(content.clone(), 32 * 1024, pause)
            }
        };
        let kind = [("content-type", "application/octet-stream".to_owned())];
        let answer = self.send("PATCH", &location.0, &kind, body).await?;
        expect(&answer, 202)?;
        Ok((local(&answer.header("location")), true))
    }

    async fn tag(&mut self, blob: &str, size: usize, random: &mut Random) -> Result<(), Trouble> {
        let part =
            |kind: &str| serde_json::json!({ "mediaType": kind, "digest": blob, "size": size });
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": part("application/vnd.oci.image.config.v1+json"),
            "layers": [part("application/vnd.oci.image.layer.v1.tar")],
        });
        let manifest = manifest.to_string();
        let path = format!("{REPOSITORY}/manifests/t{}", random.between(0..500));
        let kind = [("content-type", MANIFEST.to_owned())];
        let digest = digest(manifest.as_bytes());
        let answer = self.send("PUT", &path, &kind, whole(manifest)).await?;
        expect(&answer, 201)?;
        self.told(&answer, &format!("manifests/{digest}"), &digest);
        Ok(())
    }

    /// The answer was 201.
    fn told(&self, answer: &Answer, path: &str, digest: &str) {
        let told = answer.header("docker-content-digest");
        if told != digest {
            let what = format!("201 for {digest} says {told:?}");
            self.book.wrong(what);
        }
        self.book.committed(Commit {
            path: path.to_owned(),
            digest: digest.to_owned(),
        });
    }

    async fn pull(&mut self, commit: &Commit) -> Result<(), Trouble> {
        let path = format!("{REPOSITORY}/{}", commit.path);
        let accept = [("accept", MANIFEST.to_owned())];
        let answer = self.send("GET", &path, &accept, whole("")).await?;
        if answer.status == 404 {
            self.book.wrong(format!("lost: {path} is 404"));
            return Ok(());
        }
        expect(&answer, 200)?;
        let got = digest(&answer.body);
        if got != commit.digest {
            let size = answer.body.len();
            self.book
                .wrong(format!("wrong bytes: {path} has {size} of {got}"));
        }
        self.book.count(&self.book.pulls, 1);
        self.book.count(&self.book.bytes, answer.body.len());
        Ok(())
    }

    async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&'static str, String)],
        body: Body,
    ) -> Result<Answer, Trouble> {
        let mut headers = headers.to_vec();
        headers.push(("authorization", self.token.clone()));
        self.ask(method, path, &headers, body).await
    }

    async fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&'static str, String)],
        body: Body,
    ) -> Result<Answer, Trouble> {
        self.asked = Instant::now();
        self.what = format!("{method} {}", path.split('?').next().unwrap_or_default());
        let request = request(self.protocol, method, path, headers, body);
        let connection = self.connection.as_mut().ok_or(Trouble::Broken)?;
        connection.ask(request).await
    }
}

fn expect(answer: &Answer, status: u16) -> Result<(), Trouble> {
    let got = answer.status.as_u16();
    (got == status).then_some(()).ok_or(Trouble::Status(got))
}

fn digest(content: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(content))
}

/// A Location without its scheme and host.
fn local(location: &str) -> String {
    let after = location.split_once("://").map(|(_, rest)| rest);
    match after.and_then(|rest| rest.find('/').map(|at| &rest[at..])) {
        Some(path) => path.to_owned(),
        None => location.to_owned(),
    }
}

fn separator(location: &str) -> char {
    if location.contains('?') { '&' } else { '?' }
}
