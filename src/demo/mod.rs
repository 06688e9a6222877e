//! `harbormouth demo`: one push, told three times, on the loopback interface.
//!
//! A Harbor (the stand-in), a second proxy that breaks pushes the way many do, the gateway as a
//! process of its own, and a registry client with containerd's rules. Every claim it prints has
//! been checked against what happened; if anything happens otherwise, it fails and says what.

mod client;
mod error;
mod gateway;
mod image;
mod push;
mod report;
mod stage;
mod wire;

pub use error::DemoError;

use crate::standin::hop::Hop;
use client::{Client, Name};
use gateway::Gateway;
use image::Image;
use push::{Failure, Verb};
use report::Report;
use stage::{NAME, Stage};
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};

/// How the demo is run.
#[derive(Clone, Debug)]
pub struct DemoOptions {
    /// End when the story is told, in place of serving until Ctrl-C.
    pub once: bool,
    /// The binary whose `serve` is shown: this one, usually.
    pub gateway: PathBuf,
}

/// Tells the story, and then serves until Ctrl-C unless it shall end.
pub async fn run(options: DemoOptions) -> Result<(), DemoError> {
    let report = Report::to_stdout();
    // Dropping the story ends the gateway and removes the files.
    let scene = tokio::select! {
        scene = tell(&options, &report) => scene?,
        () = interrupted() => return Err(DemoError::Interrupted),
    };
    if !options.once {
        stay(&report, &scene)?;
        interrupted().await;
    }
    scene.gateway.stop().await;
    scene.hop.stop().await;
    scene.stage.stop().await;
    Ok(())
}

/// Everything that runs.
struct Scene {
    stage: Stage,
    gateway: Gateway,
    hop: Hop,
}

async fn tell(options: &DemoOptions, report: &Report) -> Result<Scene, DemoError> {
    report.title(
        "Harbormouth demo",
        "one push, three ways, all on this machine",
    )?;
    let stage = Stage::build().await?;
    let gateway = Gateway::start(&options.gateway, &stage).await?;
    let hop = stage.hop_before(gateway.https).await?;
    report.cast(&[
        (
            "Harbor",
            format!("http://{}", stage.harbor.address()),
            "a stand-in, in memory",
        ),
        (
            "proxy",
            format!("https://{}", stage.proxy.address()),
            "writes names as name:443",
        ),
        (
            "Harbormouth",
            format!("https://{}", gateway.https),
            "this binary's `serve`",
        ),
    ])?;
    straight_through(&stage, report).await?;

    report.act(
        2,
        "With Harbormouth in front of the same proxy",
        "client → Harbormouth → proxy → Harbor",
    )?;
    let before = gateway.repairs().await?;
    round_trip(&client(&stage, gateway.https)?, &Image::new(2), report).await?;
    let repairs = gateway.repairs().await?;
    let done = gateway::difference(&before, &repairs);
    if !done.iter().any(|(kind, _)| kind.starts_with("location")) {
        return Err(DemoError::Unexpected("no Location was repaired".into()));
    }
    report.repairs(&done)?;
    report.remark("Location has become a path: it stays with whatever host was typed.")?;

    report.act(
        3,
        "And with such a proxy on either side",
        "client → proxy → Harbormouth → proxy → Harbor",
    )?;
    round_trip(&client(&stage, hop.address())?, &Image::new(3), report).await?;
    report.repairs(&gateway::difference(&repairs, &gateway.repairs().await?))?;
    report.remark("A path has no host in it that the proxy in front could spoil.")?;
    report.heading("All three went as told.")?;
    report.say("What breaks pushes to a registry of yours, and which hop does it:")?;
    report.say("  harbormouth doctor https://your-registry --repository project/name")?;
    report.say("")?;
    Ok(Scene {
        stage,
        gateway,
        hop,
    })
}

/// The push that must fail, and why it does.
async fn straight_through(stage: &Stage, report: &Report) -> Result<(), DemoError> {
    report.act(1, "Straight through the proxy", "client → proxy → Harbor")?;
    let client = client(stage, stage.proxy.address())?;
    let failure = match push::push(&client, &Image::new(1), report).await {
        Ok(()) => {
            return Err(DemoError::Unexpected(
                "the broken proxy's push worked".into(),
            ));
        }
        Err(failure) => failure,
    };
    expect_the_story(&failure)?;
    report.why(&[
        &format!("The client was told to push to \"{NAME}\". The proxy passed Host"),
        &format!("\"{NAME}:443\" on, and Harbor built the upload's Location from it:"),
        &format!(
            "  {}…",
            failure.location.chars().take(66).collect::<String>()
        ),
        "To a program that compares text this is another host, so the client",
        "(as containerd and docker do) sent no Authorization there, and Harbor",
        "saw a PUT from nobody.",
    ])
}

fn client(stage: &Stage, address: SocketAddr) -> Result<Client, DemoError> {
    let name = Name {
        name: NAME.to_owned(),
        address,
    };
    Ok(Client::new(name, stage.authority.client()?))
}

/// The PUT of a blob is refused as nobody's, because its Location was taken for another host.
fn expect_the_story(failure: &Failure) -> Result<(), DemoError> {
    let told = failure.verb == Verb::PutBlob
        && failure.status == Some(401)
        && failure
            .message
            .contains("unauthorized to access repository")
        && failure
            .location
            .starts_with(&format!("https://{NAME}:443/"));
    if told {
        return Ok(());
    }
    Err(DemoError::Unexpected(format!(
        "the push failed, but so: {failure}"
    )))
}

async fn round_trip(client: &Client, image: &Image, report: &Report) -> Result<(), DemoError> {
    let failed = |failure: Failure| DemoError::Unexpected(failure.to_string());
    push::push(client, image, report).await.map_err(failed)?;
    push::pull(client, image, report).await.map_err(failed)
}

fn stay(report: &Report, scene: &Scene) -> Result<(), DemoError> {
    let Scene { stage, gateway, .. } = scene;
    let port = gateway.https.port();
    let files = stage.directory().display();
    report.say("Still serving; Ctrl-C ends it.")?;
    report.say("")?;
    report.cast(&[
        (
            "registry",
            format!("https://{NAME}:{port}"),
            "alice / Alice12345, project lab",
        ),
        (
            "page",
            format!("http://{}/", gateway.admin),
            "what was pushed, what failed, and why",
        ),
        ("metrics", format!("http://{}/metrics", gateway.admin), ""),
        ("files", format!("{files}"), ""),
        (
            "",
            "ca.pem (to trust), harbormouth.yaml, harbormouth.log".into(),
            "",
        ),
    ])?;
    report.say("")?;
    report.say(&format!("curl -i --cacert {files}/ca.pem \\"))?;
    report.say(&format!(
        "  -u alice:Alice12345 https://{NAME}:{port}/v2/lab/demo/tags/list"
    ))?;
    report.say("")
}

/// Ctrl-C, or being told to go in another way.
async fn interrupted() {
    let signals = (
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
    );
    let (Ok(mut terminate), Ok(mut hangup)) = signals else {
        // Without handlers the default holds, and that ends the process.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}
